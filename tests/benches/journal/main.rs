//! What the journal costs: appends beside a bare transaction on the same file or
//! server, proofs, held calls, questions and sizes:
//! `cargo bench -p tollgate-tests --bench journal`. Machines differ and drift;
//! ratios travel. Filter with words: `-- append held`.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program that prints its figures, and has nobody to hand an error to"
)]

mod append;
mod held;
mod proofs;
mod questions;
mod records;
#[path = "../timing/side_by_side.rs"]
mod side_by_side;

use side_by_side::{heading, wanted};

/// The one that the command `tollgate` uses.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    heading();
    if wanted("proof") {
        proofs::measure();
    }
    runtime.block_on(async {
        if wanted("append") {
            append::measure().await;
        }
        if wanted("question") {
            questions::measure().await;
        }
        if wanted("held") {
            held::measure().await;
        }
    });
}
