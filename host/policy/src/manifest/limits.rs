//! What one run may use up, and why each default is what it is.
//!
//! Every default is enough for the bundled connectors many times over, and low
//! enough that a hundred hostile runs at once leave the host answering.

use std::time::Duration;

/// Instructions of the sandbox, roughly. A lookup with JSON in and out needs
/// about 100 000, opening a workbook of some thousand rows about 200 million;
/// half a billion ends an endless loop in about a second of one core.
pub const FUEL: u64 = 500_000_000;

/// Linear memory, in bytes. Connectors start within 2 MiB; a workbook of 8 MiB
/// unpacks to some 40 MiB. Sixty-four leaves room, and 100 runs fit into 7 GiB.
pub const MEMORY_BYTES: u64 = 64 << 20;

/// The largest linear memory that can be granted, in bytes: what one slot of the
/// host's pool reserves. An interpreter with its library needs a quarter of it.
pub const MEMORY_BYTES_MAX: u64 = 256 << 20;

/// The guest's stack, in bytes. The engine's stack is one size for all guests;
/// a manifest can only ask for less or the same.
pub const STACK_BYTES: u64 = 512 << 10;

/// Table elements: one for each function that can be called indirectly. Rust
/// connectors have some hundred, interpreters some thousand.
pub const TABLE_ELEMENTS: u64 = 20_000;

/// Bytes that one host call may copy out of the guest. Longer than any
/// statement or path, and short enough to copy in well under a millisecond. A
/// file's bytes travel under this limit as well: raise it with the file's
/// `max_size`.
pub const HOST_CALL_BYTES: u64 = 1 << 20;

/// A tool's input, in bytes. An agent writes some kilobytes.
pub const INPUT_BYTES: u64 = 1 << 20;

/// A tool's output, in bytes. More than an agent can read in one context.
pub const OUTPUT_BYTES: u64 = 1 << 20;

/// One reply of a capability, in bytes: a file or the rows of a query.
pub const REPLY_BYTES: u64 = 8 << 20;

/// Everything that one run puts into the journal, in bytes: eight replies of
/// the largest size.
pub const JOURNAL_BYTES: u64 = 64 << 20;

/// Wall time of one run, without the time it waits for people. Agents give up
/// after a minute; half of that leaves them time to act on the error.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// The longest deadline that can be granted: what takes more than an hour is
/// not one tool call.
pub const DEADLINE_MAX: Duration = Duration::from_secs(3600);

/// Import calls of one run. Each is a record; a thousand of them is a loop.
pub const CALLS: u64 = 1_000;

/// Lines that one run may log: what a person would scroll through.
pub const LOG_LINES: u64 = 200;

/// Rows of one query or write. A table that a person or an agent still reads.
pub const SQL_ROWS: u64 = 1_000;

/// The result of one query, in bytes.
pub const SQL_BYTES: u64 = 1 << 20;

/// One file, in bytes: a workbook of some hundred thousand cells.
pub const FILE_BYTES: u64 = 8 << 20;

/// One named store, in bytes.
pub const KV_BYTES: u64 = 1 << 20;

/// The content of one request, in bytes: a long document, no upload.
pub const HTTP_REQUEST_BYTES: u64 = 256 << 10;

/// The content that is read of one answer, in bytes: some hundred records, more
/// than an agent can read in one context. Below [`HOST_CALL_BYTES`], under which
/// an answer travels: raise that with the grant's `max_response`.
pub const HTTP_RESPONSE_BYTES: u64 = 512 << 10;

/// The most that either of both can be set to, in bytes. It is held in memory.
pub const HTTP_BYTES_MAX: u64 = 64 << 20;

/// One request with its answer. As long as a run has by default.
pub const HTTP_TIMEOUT: Duration = Duration::from_secs(30);

/// Connections to one destination at once: what a browser opens is six.
pub const HTTP_CONNECTIONS: u64 = 8;

/// The most connections that can be granted; more looks like an attack from the
/// other side.
pub const HTTP_CONNECTIONS_MAX: u64 = 256;

/// The most requests in one unit of time that a rate can grant.
pub const RATE_MAX: u32 = 100_000;

/// The most rows of one destination. A request is compared with each.
pub const HTTP_ROUTES_MAX: usize = 500;

/// The path and query of a request, encoded, in bytes: what every server should
/// take (RFC 9110, 4.1).
pub const HTTP_TARGET_BYTES_MAX: usize = 8_000;

/// Segments of a path.
pub const HTTP_SEGMENTS_MAX: usize = 64;

/// One segment or query value, in bytes before it is encoded. Three times as
/// much still fits into the target.
pub const HTTP_SEGMENT_BYTES_MAX: usize = 2_048;

/// How often a query parameter can stand in a request, where its row lets it
/// stand there more than once.
pub const HTTP_QUERY_TIMES_MAX: usize = 64;

/// Headers that a connector sets on one request.
pub const HTTP_HEADERS_MAX: usize = 32;

/// One header's value, in bytes.
pub const HTTP_HEADER_BYTES_MAX: usize = 4_096;

/// Names and values of all headers together, in bytes. Servers refuse more than
/// 8 to 32 KiB.
pub const HTTP_HEADERS_BYTES_MAX: usize = 16 << 10;

/// Recipients of one message. A list of more is a campaign.
pub const MAIL_RECIPIENTS: u64 = 10;

/// The most recipients that can be granted: what every server has to take (RFC
/// 5321, 4.5.3.1.8).
pub const MAIL_RECIPIENTS_MAX: u64 = 100;

/// One message with its attachments, in bytes.
pub const MAIL_BYTES: u64 = 1 << 20;

/// The largest message that can be granted, in bytes: what common providers take.
pub const MAIL_BYTES_MAX: u64 = 25 << 20;

/// Open items of one queue: more than people work off in a day.
pub const HANDOFF_OPEN: u64 = 100;

/// The most open items that can be granted.
pub const HANDOFF_OPEN_MAX: u64 = 10_000;

/// One item, in bytes: what a person reads before deciding.
pub const HANDOFF_BYTES: u64 = 16 << 10;

/// The largest item that can be granted, in bytes.
pub const HANDOFF_BYTES_MAX: u64 = 1 << 20;

/// The most rows of a list of addresses, recipients, headers or scopes.
pub const LIST_MAX: usize = 100;

/// How long an approver has. A request made on Friday is still there on Monday.
pub const DECIDE_WITHIN: Duration = Duration::from_secs(3 * 24 * 3600);

/// How long an approved call may wait to run. What was true when it was
/// approved should still be true.
pub const EXECUTE_WITHIN: Duration = Duration::from_secs(3600);

/// How long a denial stands for the same case, tool and input. For a day the same
/// question finds the same answer, so an agent that asks again in a loop, or looks
/// for another approver, finds nobody; a day later what was asked about may have
/// changed, and a person looks anew.
pub const DENY_STANDS: Duration = Duration::from_secs(24 * 3600);

/// The most people that an approval can ask for. Groups are not counted when a
/// manifest is read, and nobody waits for more.
pub const QUORUM_MAX: u64 = 20;

/// The longest time that either clock of an approval can be set to.
pub const APPROVAL_MAX: Duration = Duration::from_secs(365 * 24 * 3600);

/// The longest time that a row can give for taking a write back.
pub const UNDO_WINDOW_MAX: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// The largest manifest that is read, in bytes: some ten thousand rows.
pub const MANIFEST_BYTES_MAX: usize = 1 << 20;

/// The most rules that a manifest may have. A decision looks at each of them;
/// a thousand still take a few microseconds, and nobody reviews more.
pub const RULES_MAX: usize = 1_000;

/// Values of one list. An address book of a company fits; a customer database
/// does not, and is asked instead.
pub const LIST_VALUES_MAX: usize = 10_000;

/// A list's file, in bytes. It becomes part of the manifest, which has room for
/// a few of these.
pub const LIST_BYTES_MAX: usize = 256 << 10;

/// Budgets of one manifest. Each is looked up before a call that may write.
pub const BUDGETS_MAX: usize = 100;

/// The longest time over which a budget counts.
pub const BUDGET_OVER_MAX: Duration = Duration::from_secs(400 * 24 * 3600);

/// Examples of one rule: what a reviewer reads.
pub const EXAMPLES_MAX: usize = 50;

/// What one run may use up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Instructions; default [`FUEL`].
    pub fuel: u64,
    /// Bytes of linear memory; default [`MEMORY_BYTES`].
    pub memory: u64,
    /// Bytes of stack; default [`STACK_BYTES`].
    pub stack: u64,
    /// Table elements; default [`TABLE_ELEMENTS`].
    pub table_elements: u64,
    /// Bytes copied out of the guest by one call; default [`HOST_CALL_BYTES`].
    pub host_call_bytes: u64,
    /// Bytes of a tool's input; default [`INPUT_BYTES`].
    pub input_bytes: u64,
    /// Bytes of a tool's output; default [`OUTPUT_BYTES`].
    pub output_bytes: u64,
    /// Bytes of one reply; default [`REPLY_BYTES`].
    pub reply_bytes: u64,
    /// Bytes of a run's records; default [`JOURNAL_BYTES`].
    pub journal_bytes: u64,
    /// Wall time without waiting for people; default [`DEADLINE`].
    pub deadline: Duration,
    /// Import calls; default [`CALLS`].
    pub calls: u64,
    /// Lines in the log; default [`LOG_LINES`].
    pub log_lines: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            fuel: FUEL,
            memory: MEMORY_BYTES,
            stack: STACK_BYTES,
            table_elements: TABLE_ELEMENTS,
            host_call_bytes: HOST_CALL_BYTES,
            input_bytes: INPUT_BYTES,
            output_bytes: OUTPUT_BYTES,
            reply_bytes: REPLY_BYTES,
            journal_bytes: JOURNAL_BYTES,
            deadline: DEADLINE,
            calls: CALLS,
            log_lines: LOG_LINES,
        }
    }
}
