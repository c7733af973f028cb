//! What the host promises, each promise as a test, through [`tollgate_runtime`]
//! with real components, a real store, real files and real databases.
//!
//! | room | promise |
//! |---|---|
//! | `limits` | a guest that takes too much is stopped, and nobody else notices |
//! | `lies` | what a connector claims gives it nothing |
//! | `provenance` | a value is used where it came from the case or its records |
//! | `budgets` | what may happen over time, across runs and restarts |
//! | `walls` | databases, files and stores: nothing outside the grant |
//! | `door` | no import without a door |
//! | `drills` | a request that nobody should approve looks like any other, and does nothing |
//! | `handoffs` | what is handed to people reaches them, bounded |
//! | `http` | no request outside the grant, no secret outside the server, one effect at most |
//! | `mail` | no message to whom nobody granted it, none unseen, none twice |
//! | `metrics` | what is counted is told to whom it belongs, and holds nobody's values |
//! | `hooks` | a webhook opens one run, of one service, with the named values of its payload |
//! | `callbacks` | a button in a chat decides as its person, once, what was announced, and nothing else |
//! | `holds` | a held call has its effect once, or never |
//! | `queues` | what fails reaches whose work it is, and what waits those who decide, once, whatever dies in between |
//! | `replaying` | a run is repeated from its records, or stopped |
//! | `reading` | what is asked of the journal is answered, page by page and as it comes |
//! | `secrets` | no value leaves in a reply, a call, a message or a record, whatever it is written in |
//! | `signing` | where a person has a key, nothing is decided without its signature |
//! | `undoing` | what is taken back is exact, and nobody's edit is lost |
//! | `takeback` | a plan tells and does nothing; an undo goes on where it stopped; whatever the order, no edit is lost |
//! | `journal` | no effect without a record; a changed record is found |
//! | `proofs` | what is handed out verifies; what is destroyed is gone and said so |
//! | `recovering` | a call in doubt is found out, or a person's; never repeated blindly |
//! | `leases` | several hosts on one store do a thing once |
//! | `previewing` | a change that is only looked at changes nothing |
//! | `postgres` | the same walls and the same exact undo on PostgreSQL |
//! | `sharing` | a table of several tenants shows each its own rows |
//! | `workflows` | work happens inside its workflow, and a case ends and never fades away |
//! | `watching` | what a host does by itself: one thing's trouble is not the others' |

#![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

mod budgets;
mod callbacks;
mod deciding;
mod door;
mod drills;
mod faulty;
mod handoffs;
mod holds;
mod hooks;
mod house;
mod http;
mod journal;
mod leases;
mod lies;
mod limits;
mod mail;
mod metrics;
mod postgres;
mod previewing;
mod proofs;
mod provenance;
mod queues;
mod raw;
mod reading;
mod recovering;
mod replaying;
mod secrets;
mod sharing;
mod signing;
mod takeback;
mod undoing;
mod walls;
mod watching;
mod workflows;
