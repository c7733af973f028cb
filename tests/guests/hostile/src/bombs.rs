//! Too much of something: time, memory, stack, bytes, calls.

use std::hint::black_box;

use tollgate_sdk::kv::Expected;
use tollgate_sdk::prelude::*;

use crate::honest::STORE;

#[derive(Deserialize, JsonSchema)]
pub(crate) struct Amount {
    /// How much, in the tool's own unit.
    amount: u64,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Survived {
    /// What came back, where the host let it.
    text: String,
}

fn survived(text: impl Into<String>) -> Result<Survived, ToolError> {
    Ok(Survived { text: text.into() })
}

/// Never ends, and calls nothing.
#[tool(effect = "read")]
pub(crate) fn spin() -> Result<Survived, ToolError> {
    let mut turns = 0_u64;
    while black_box(turns) < u64::MAX {
        turns = turns.wrapping_add(1) & 0xffff;
    }
    survived(turns.to_string())
}

/// Never ends, reading the clock all the time and ignoring what it is told.
#[tool(effect = "read")]
pub(crate) fn spin_in_calls() -> Result<Survived, ToolError> {
    while black_box(true) {
        drop(clock::now());
    }
    survived("ended")
}

/// Takes and touches memory, one mebibyte after another.
#[tool(effect = "read")]
pub(crate) fn memory_bomb(input: Amount) -> Result<Survived, ToolError> {
    let mut held: Vec<Vec<u8>> = Vec::new();
    for _ in 0..input.amount {
        held.push(black_box(vec![0xa5; 1 << 20]));
    }
    survived(format!("{} MiB", black_box(&held).len()))
}

/// Calls itself that many times.
#[tool(effect = "read")]
pub(crate) fn stack_bomb(input: Amount) -> Result<Survived, ToolError> {
    survived(deeper(input.amount).to_string())
}

#[inline(never)]
fn deeper(left: u64) -> u64 {
    let frame = black_box([left; 32]);
    if left == 0 {
        frame[0]
    } else {
        deeper(left - 1) + black_box(frame[1])
    }
}

/// Hands the host strings of that many bytes as arguments.
#[tool(effect = "write", undo = "restore")]
pub(crate) fn string_bomb(input: Amount) -> Result<Survived, ToolError> {
    let text = "x".repeat(input.amount as usize);
    log::info!("{text}");
    kv::set(STORE, &text, &text, &Expected::Anything)?;
    survived("stored")
}

/// Returns that many bytes.
#[tool(effect = "read")]
pub(crate) fn output_bomb(input: Amount) -> Result<Survived, ToolError> {
    survived("x".repeat(input.amount as usize))
}

/// Reads the clock that many times, and gives up at the first refusal.
#[tool(effect = "read")]
pub(crate) fn call_flood(input: Amount) -> Result<Survived, ToolError> {
    for _ in 0..input.amount {
        clock::now()?;
    }
    survived("all answered")
}

/// Writes that many log lines.
#[tool(effect = "read")]
pub(crate) fn log_flood(input: Amount) -> Result<Survived, ToolError> {
    for line in 0..input.amount {
        log::warn!("line {line}");
    }
    survived("all written")
}

#[derive(Deserialize, JsonSchema)]
pub(crate) struct Message {
    message: String,
}

/// Panics with this message.
#[tool(effect = "read")]
pub(crate) fn panics(input: Message) -> Result<Survived, ToolError> {
    assert!(input.message.is_empty(), "{}", input.message);
    survived("an empty message does not panic")
}

/// Executes `unreachable`, without a panic before it.
#[tool(effect = "read")]
pub(crate) fn traps() -> Result<Survived, ToolError> {
    trap()
}

#[cfg(target_arch = "wasm32")]
pub(crate) fn trap() -> ! {
    core::arch::wasm32::unreachable()
}

#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn trap() -> ! {
    std::process::abort()
}
