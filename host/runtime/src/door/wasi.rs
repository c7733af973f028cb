//! The opt-in wasi profile: `wasmtime-wasi`'s clocks, random and cli, for
//! libraries that need std's time or randomness. Whatever of it tells a guest
//! something passes the door: readings of both clocks, random bytes, the seed of
//! std's hash maps, and every line written to standard output or error. The
//! rest is empty and says the same on every call: no arguments, no environment,
//! no terminal, a standard input that is at its end. Files and sockets are not
//! linked at all: a connector that wants them does not load.

use std::future::ready;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use rand_core::{Infallible, TryRng};
use serde_json::json;
use tokio::io::AsyncWrite;
use tollgate_policy::Effect;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream, WasiCli, WasiCliView as _};
use wasmtime_wasi::clocks::{WasiClocks, WasiClocksView as _};
use wasmtime_wasi::p2::bindings::{cli, clocks, random};
use wasmtime_wasi::random::{WasiRandom, WasiRandomView as _};
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, ResourceTable, WasiCtx, WasiView as _};
use wasmtime_wasi_io::bindings::wasi::io;

use super::operation::{Described, Immediate, Imported, Next, Operation, Performed, Prior, Scope};
use super::{Door, Imports, Refusal};
use crate::capability::{Backends, clock, log, random as tollgate_random};
use crate::sandbox::SandboxError;
use crate::sandbox::instance::GuestState;

/// Longest line a guest may build up before it is written out, bytes.
const LINE_BYTES_MAX: usize = 4096;

/// Add the profile's interfaces.
pub(crate) fn offer(imports: &mut Imports) -> Result<(), SandboxError> {
    imports.offer::<InsecureSeed>()?;
    imports.with_wasi(|linker| {
        io::error::add_to_linker::<_, Table>(linker, |state| state.ctx().table)?;
        io::poll::add_to_linker::<_, Table>(linker, |state| state.ctx().table)?;
        io::streams::add_to_linker::<_, Table>(linker, |state| state.ctx().table)?;
        clocks::wall_clock::add_to_linker::<_, WasiClocks>(linker, GuestState::clocks)?;
        clocks::monotonic_clock::add_to_linker::<_, WasiClocks>(linker, GuestState::clocks)?;
        random::random::add_to_linker::<_, WasiRandom>(linker, GuestState::random)?;
        random::insecure::add_to_linker::<_, WasiRandom>(linker, GuestState::random)?;
        cli::exit::add_to_linker::<_, WasiCli>(linker, GuestState::cli)?;
        cli::environment::add_to_linker::<_, WasiCli>(linker, GuestState::cli)?;
        cli::stdin::add_to_linker::<_, WasiCli>(linker, GuestState::cli)?;
        cli::stdout::add_to_linker::<_, WasiCli>(linker, GuestState::cli)?;
        cli::stderr::add_to_linker::<_, WasiCli>(linker, GuestState::cli)?;
        cli::terminal_input::add_to_linker::<_, WasiCli>(linker, GuestState::cli)?;
        cli::terminal_output::add_to_linker::<_, WasiCli>(linker, GuestState::cli)?;
        cli::terminal_stdin::add_to_linker::<_, WasiCli>(linker, GuestState::cli)?;
        cli::terminal_stdout::add_to_linker::<_, WasiCli>(linker, GuestState::cli)?;
        cli::terminal_stderr::add_to_linker::<_, WasiCli>(linker, GuestState::cli)
    })
}

/// The context of one instance: empty but for what calls the door.
pub(crate) fn context(door: &Arc<Door>) -> WasiCtx {
    let mut builder = WasiCtx::builder();
    builder
        .wall_clock(Clock(Arc::clone(door)))
        .monotonic_clock(Clock(Arc::clone(door)))
        .secure_random(Random(Arc::clone(door)))
        .insecure_random(Random(Arc::clone(door)))
        .max_random_size(tollgate_random::DRAW_BYTES_MAX.into())
        .stdout(Lines::new(door, "stdout"))
        .stderr(Lines::new(door, "stderr"));
    builder.build()
}

/// How the io interfaces reach an instance's streams and pollables.
struct Table;

impl wasmtime::component::HasData for Table {
    type Data<'a> = &'a mut ResourceTable;
}

/// Both clocks. WASI gives them no way to fail: a refused reading leaves its
/// reason at the door, which stops the guest at its next call, and answers 0.
struct Clock(Arc<Door>);

impl Clock {
    fn read(&self) -> Duration {
        match self.0.pass_now::<clock::Now>(()) {
            Ok(Ok(now)) => Duration::new(now.seconds, now.nanoseconds),
            _ => {
                self.0
                    .stop("the clock was refused to a library that cannot be told so");
                Duration::ZERO
            }
        }
    }
}

impl HostWallClock for Clock {
    fn resolution(&self) -> Duration {
        Duration::from_millis(1)
    }

    fn now(&self) -> Duration {
        self.read()
    }
}

impl HostMonotonicClock for Clock {
    fn resolution(&self) -> u64 {
        1_000_000
    }

    fn now(&self) -> u64 {
        u64::try_from(self.read().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// Both kinds of randomness.
struct Random(Arc<Door>);

impl TryRng for Random {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_mut(tollgate_random::DRAW_BYTES_MAX as usize) {
            let count = u32::try_from(chunk.len()).unwrap_or(u32::MAX);
            match self.0.pass_now::<tollgate_random::Bytes>((count,)) {
                Ok(Ok(drawn)) => chunk.copy_from_slice(&drawn.0),
                // Zeros where a key was expected would be worse than an end.
                _ => self
                    .0
                    .stop("randomness was refused to a library that cannot be told so"),
            }
        }
        Ok(())
    }
}

/// The seed of std's hash maps.
struct InsecureSeed;

impl Operation for InsecureSeed {
    const CALL: &'static str = "random.insecure_seed";
    type Arguments = ();
    type Reply = (String, String);
    type Plan = ();

    fn describe((): (), _: &Scope<'_>) -> Described<(), Self::Reply> {
        Described {
            destination: "random".into(),
            identity: "random".into(),
            effect: Effect::Read,
            arguments: json!({}),
            next: Next::Perform(()),
        }
    }

    fn refuse(_: Refusal) -> Self::Reply {
        ("0".into(), "0".into())
    }

    async fn perform(
        (): (),
        _: Option<&Prior>,
        scope: &Scope<'_>,
        backends: &Backends,
    ) -> Performed<Self::Reply> {
        ready(Performed::answered(Self::perform_now((), scope, backends))).await
    }
}

impl Immediate for InsecureSeed {
    fn perform_now((): (), _: &Scope<'_>, _: &Backends) -> Self::Reply {
        let draw = || getrandom::u64().unwrap_or_default().to_string();
        (draw(), draw())
    }
}

impl Imported for InsecureSeed {
    const INTERFACE: &'static str = "wasi:random/insecure-seed@0.2.6";
    const FUNCTION: &'static str = "insecure-seed";
    type Results = ((u64, u64),);
    fn results((low, high): Self::Reply) -> Self::Results {
        ((
            low.parse().unwrap_or_default(),
            high.parse().unwrap_or_default(),
        ),)
    }
}

/// Standard output or error: each line is a line of the log.
#[derive(Clone)]
struct Lines {
    door: Arc<Door>,
    partial: Arc<Mutex<Vec<u8>>>,
    name: &'static str,
}

impl Lines {
    fn new(door: &Arc<Door>, name: &'static str) -> Self {
        Self {
            door: Arc::clone(door),
            partial: Arc::default(),
            name,
        }
    }

    fn take(&self, bytes: &[u8]) {
        let mut partial = self.partial.lock().unwrap_or_else(PoisonError::into_inner);
        for byte in bytes {
            if *byte == b'\n' || partial.len() >= LINE_BYTES_MAX {
                let line = format!("{}: {}", self.name, String::from_utf8_lossy(&partial));
                partial.clear();
                // A line that is refused is dropped, as the log's contract says.
                let _ = self.door.pass_now::<log::Emit>((log::Level::Info, line));
            }
            if *byte != b'\n' {
                partial.push(*byte);
            }
        }
    }
}

impl IsTerminal for Lines {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Lines {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn wasmtime_wasi::p2::OutputStream> {
        Box::new(self.clone())
    }
}

impl AsyncWrite for Lines {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        self.take(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[wasmtime_wasi::async_trait]
impl wasmtime_wasi::p2::Pollable for Lines {
    async fn ready(&mut self) {}
}

impl wasmtime_wasi::p2::OutputStream for Lines {
    fn write(&mut self, bytes: bytes::Bytes) -> wasmtime_wasi::p2::StreamResult<()> {
        self.take(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> wasmtime_wasi::p2::StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> wasmtime_wasi::p2::StreamResult<usize> {
        Ok(LINE_BYTES_MAX)
    }
}
