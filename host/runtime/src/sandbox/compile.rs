//! Turning a foreign component into native code, and keeping the result.
//!
//! A compiler is a large program fed with hostile input, so it runs in a child
//! process that holds nothing: no environment, no open files, bounded memory,
//! time and output, no right to write a file. What it answers is native code
//! that the host will run, so a kept copy is used only if its authentication
//! code, made with a key from the host's key ring, fits the bytes. The bytes
//! are read once and loaded from memory: a file that is mapped could change
//! between check and use (CWE-367), and a component is loaded once per process.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;
use tollgate_journal::DerivedKey;
use tollgate_policy::Digest;
use wasmtime::Engine;
use wasmtime::component::Component;

use super::{SandboxError, engine};

/// The largest component that is compiled, bytes. A Python interpreter with
/// its library is 18 MiB.
pub const COMPONENT_BYTES_MAX: usize = 64 << 20;

/// The largest native code the compiler may answer with, bytes.
const CODE_BYTES_MAX: u64 = 512 << 20;

/// Address space of the compiler, bytes.
const COMPILER_MEMORY_BYTES: u64 = 4 << 30;

/// Processor time of the compiler, seconds.
const COMPILER_CPU_S: u64 = 300;

/// Wall time of the compiler.
const COMPILER_WALL: Duration = Duration::from_secs(360);

/// How to start the compiler process.
#[derive(Clone, Debug)]
pub enum Compiler {
    /// This program with these arguments; it must call
    /// [`compile_child`](crate::compile_child).
    Child {
        /// The program, usually the host's own executable.
        program: PathBuf,
        /// Its arguments.
        arguments: Vec<String>,
    },
    /// In this process, with no bounds on the compiler. For benchmarks and
    /// tests of components that this project built itself.
    InProcess,
}

/// The whole life of a compiler process: bound itself, read a component from
/// standard input, write native code to standard output.
///
/// # Errors
///
/// When the bounds cannot be set, the input cannot be read or is no component
/// that compiles. The message belongs on standard error; the exit status must
/// not be 0.
pub fn compile_child() -> Result<(), SandboxError> {
    bound_this_process().map_err(|error| SandboxError::CompilerProcess(error.into()))?;
    let mut bytes = Vec::new();
    io::stdin()
        .lock()
        .take(COMPONENT_BYTES_MAX as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(SandboxError::CompilerProcess)?;
    let code = engine::compiler_engine()?
        .precompile_component(&bytes)
        .map_err(SandboxError::does_not_compile)?;
    let mut out = io::stdout().lock();
    out.write_all(&code)
        .and_then(|()| out.flush())
        .map_err(SandboxError::CompilerProcess)
}

fn bound_this_process() -> rustix::io::Result<()> {
    let limit = |resource, value| {
        setrlimit(
            resource,
            Rlimit {
                current: Some(value),
                maximum: Some(value),
            },
        )
    };
    limit(Resource::As, COMPILER_MEMORY_BYTES)?;
    limit(Resource::Cpu, COMPILER_CPU_S)?;
    limit(Resource::Core, 0)?;
    limit(Resource::Fsize, 0)?;
    limit(Resource::Nofile, 16)
}

/// Compiled components on disk, authenticated.
pub(crate) struct CodeCache {
    directory: PathBuf,
    key: DerivedKey,
    compiler: Compiler,
}

impl CodeCache {
    pub(crate) fn new(directory: PathBuf, key: DerivedKey, compiler: Compiler) -> Self {
        Self {
            directory,
            key,
            compiler,
        }
    }

    /// The component, from the cache where an authentic copy is, else compiled.
    pub(crate) async fn load(
        &self,
        engine: &Engine,
        digest: &Digest,
        bytes: &[u8],
    ) -> Result<Component, SandboxError> {
        let path = self.path(engine, digest);
        if let Some(component) = self.kept(engine, digest, &path) {
            return Ok(component);
        }
        let code = self.compile(bytes).await?;
        self.keep(digest, &path, &code);
        load_code(engine, &code)
    }

    fn path(&self, engine: &Engine, digest: &Digest) -> PathBuf {
        use std::hash::{Hash, Hasher};
        let mut hasher = std::hash::DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        let name = digest.to_string().replace(':', "-");
        self.directory
            .join(format!("{name}-{:016x}.code", hasher.finish()))
    }

    /// A kept copy, or nothing where there is none or it is not authentic. A
    /// copy that was tampered with is reported and made anew.
    fn kept(&self, engine: &Engine, digest: &Digest, path: &Path) -> Option<Component> {
        let file = fs::read(path).ok()?;
        let (code, tag) = file.split_at_checked(file.len().checked_sub(TAG_BYTES)?)?;
        let parts = [digest.as_bytes().as_slice(), code];
        if !self.key.mac_holds(&parts, tag) {
            tracing::warn!(path = %path.display(), "compiled code in the cache is not authentic; compiling again");
            return None;
        }
        load_code(engine, code).ok()
    }

    /// Keeping is an optimisation: a full disk must not stop a call.
    fn keep(&self, digest: &Digest, path: &Path, code: &[u8]) {
        let written = tempfile_in(&self.directory).and_then(|(mut file, temporary)| {
            file.write_all(code)?;
            file.write_all(&self.key.mac(&[digest.as_bytes(), code]))?;
            fs::rename(temporary, path)
        });
        if let Err(error) = written {
            tracing::warn!(path = %path.display(), %error, "compiled code could not be kept");
        }
    }

    async fn compile(&self, bytes: &[u8]) -> Result<Vec<u8>, SandboxError> {
        match &self.compiler {
            Compiler::InProcess => engine::compiler_engine()?
                .precompile_component(bytes)
                .map_err(SandboxError::does_not_compile),
            Compiler::Child { program, arguments } => {
                tokio::time::timeout(COMPILER_WALL, run_child(program, arguments, bytes))
                    .await
                    .map_err(|_| SandboxError::CompilerTimeout(COMPILER_WALL))?
            }
        }
    }
}

const TAG_BYTES: usize = 32;

async fn run_child(
    program: &Path,
    arguments: &[String],
    bytes: &[u8],
) -> Result<Vec<u8>, SandboxError> {
    let mut child = Command::new(program)
        .args(arguments)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(SandboxError::CompilerProcess)?;
    let (mut stdin, stdout, stderr) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let feed = async {
        if let Some(stdin) = &mut stdin {
            // A child that gave up early closes its end; its message says why.
            let _ = stdin.write_all(bytes).await;
        }
        drop(stdin.take());
    };
    let mut code = Vec::new();
    let mut message = Vec::new();
    let drain = async {
        match stdout {
            Some(stdout) => stdout.take(CODE_BYTES_MAX + 1).read_to_end(&mut code).await,
            None => Ok(0),
        }
    };
    let complain = async {
        match stderr {
            Some(stderr) => stderr.take(16 << 10).read_to_end(&mut message).await,
            None => Ok(0),
        }
    };
    let ((), drained, _) = tokio::join!(feed, drain, complain);
    drained.map_err(SandboxError::CompilerProcess)?;
    let status = child.wait().await.map_err(SandboxError::CompilerProcess)?;
    if !status.success() || code.len() as u64 > CODE_BYTES_MAX {
        let message = String::from_utf8_lossy(&message).trim().to_owned();
        return Err(SandboxError::DoesNotCompile(if message.is_empty() {
            format!("the compiler ended with {status}, likely at one of its bounds")
        } else {
            message
        }));
    }
    Ok(code)
}

#[expect(
    unsafe_code,
    reason = "native code is loaded from bytes that this host's compiler made: fresh from the child, or authenticated with the host's key"
)]
fn load_code(engine: &Engine, code: &[u8]) -> Result<Component, SandboxError> {
    // SAFETY: both callers pass bytes that `precompile_component` of this very
    // version made, unchanged since: directly, or checked against their code.
    unsafe { Component::deserialize(engine, code) }.map_err(SandboxError::engine)
}

/// A new file in the cache's folder that nobody else can open.
fn tempfile_in(directory: &Path) -> io::Result<(fs::File, PathBuf)> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    let path = directory.join(format!(".{}", hex::encode(random)));
    let file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)?;
    Ok((file, path))
}
