//! The keys that a person's decisions are signed with. The private one is read on the
//! person's machine and leaves it never: what is sent is a signature.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::{Value, json};
use tollgate_policy::decision::{
    KEY_BYTES_MAX, PrivateKey, PublicKey, Said, Statement, input_digest, reason_digest,
};
use tollgate_runtime::{Batch, Card};
use zeroize::Zeroizing;

use crate::arguments::{Keygen, Signing};
use crate::exit::Exit;
use crate::output;

/// Make a pair. A file that is there is never written over: the key in it may be the
/// only one of somebody's.
pub(crate) fn keygen(keygen: &Keygen, as_json: bool) -> anyhow::Result<Exit> {
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(seed.as_mut_slice()).context("the system gives no randomness")?;
    let key = PrivateKey::from_seed(&seed);
    let public = public_file(&keygen.file);
    put(&public, 0o644, key.public().to_text().as_bytes())?;
    if let Err(error) = put(&keygen.file, 0o600, key.to_text().as_bytes()) {
        // A public key without its private one is good for nothing.
        let _ = fs::remove_file(&public);
        return Err(error);
    }
    let fingerprint = key.public().fingerprint();
    if as_json {
        output::json(&json!({
            "private_key": keygen.file,
            "public_key": public,
            "fingerprint": fingerprint,
        }));
    } else {
        output::line(&fingerprint);
        output::note(format!(
            "give {} to the operator, and {} to nobody",
            public.display(),
            keygen.file.display()
        ));
    }
    Ok(Exit::Success)
}

fn public_file(private: &Path) -> PathBuf {
    let mut name = private.as_os_str().to_owned();
    name.push(".pub");
    name.into()
}

fn put(path: &Path, mode: u32, bytes: &[u8]) -> anyhow::Result<()> {
    let new = || format!("cannot make {}", path.display());
    let mut options = OpenOptions::new();
    let options = options.write(true).create_new(true).mode(mode);
    let mut file = options.open(path).with_context(new)?;
    file.write_all(bytes).with_context(new)?;
    file.sync_all().with_context(new)
}

/// A public key that the operator registers.
pub(crate) fn public_key(path: &Path) -> anyhow::Result<PublicKey> {
    let what = || format!("cannot use the public key in {}", path.display());
    let text = text(File::open(path).with_context(what)?).with_context(what)?;
    PublicKey::from_text(&text).with_context(what)
}

/// The attack: another account of the machine reads the key, and decides.
fn private_key(path: &Path) -> anyhow::Result<PrivateKey> {
    let what = || format!("cannot use the private key in {}", path.display());
    let file = File::open(path).with_context(what)?;
    // Of the file that is open, not of a name that may be another one by now.
    let mode = file.metadata().with_context(what)?.mode();
    anyhow::ensure!(
        mode & 0o077 == 0,
        "others can read the private key in {}; take that from them with chmod 600",
        path.display()
    );
    PrivateKey::from_text(&text(file).with_context(what)?).with_context(what)
}

fn text(file: File) -> anyhow::Result<Zeroizing<String>> {
    // Large enough at once: a text that grows leaves copies of itself behind.
    let mut text = Zeroizing::new(String::with_capacity(KEY_BYTES_MAX + 1));
    let most = KEY_BYTES_MAX as u64;
    file.take(most).read_to_string(&mut text)?;
    Ok(text)
}

impl Signing {
    /// The signature over a decision, where a key was named.
    pub(crate) fn sign(
        &self,
        decision: Said,
        approval: &str,
        digest: &str,
        reason: Option<&str>,
    ) -> anyhow::Result<Option<String>> {
        let statement = self.statement(decision, approval, digest, reason);
        self.key()?.map(|key| Ok(key.sign(&statement)?)).transpose()
    }

    /// The signature over asking for another input, where a key was named.
    pub(crate) fn sign_edit(
        &self,
        approval: &str,
        digest: &str,
        input: &Value,
    ) -> anyhow::Result<Option<String>> {
        let mut statement = self.statement(Said::Edited, approval, digest, None);
        statement.input = Some(input_digest(input)?);
        self.key()?.map(|key| Ok(key.sign(&statement)?)).transpose()
    }

    /// The signature over the decision on each item of a batch, where a key was named.
    pub(crate) fn sign_each(
        &self,
        batch: &Batch,
        veto: &BTreeMap<String, String>,
        reason: Option<&str>,
    ) -> anyhow::Result<BTreeMap<String, String>> {
        let Some(key) = self.key()? else {
            return Ok(BTreeMap::new());
        };
        let sign = |card: &Card| {
            let (said, words) = match veto.get(&card.approval) {
                Some(why) => (Said::Denied, Some(why.as_str())),
                None => (Said::Approved, reason),
            };
            let statement = self.statement(said, &card.approval, &card.digest, words);
            Ok((card.approval.clone(), key.sign(&statement)?))
        };
        batch.items.iter().map(sign).collect()
    }

    fn key(&self) -> anyhow::Result<Option<PrivateKey>> {
        self.key.as_deref().map(private_key).transpose()
    }

    fn statement(
        &self,
        decision: Said,
        approval: &str,
        digest: &str,
        reason: Option<&str>,
    ) -> Statement {
        Statement {
            tenant: self.tenant.clone(),
            approval: approval.to_owned(),
            digest: digest.to_owned(),
            decision,
            reason: reason_digest(reason),
            input: None,
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_pair_signs_and_verifies_and_is_never_written_over() {
        let folder = tempfile::TempDir::new().unwrap();
        let file = folder.path().join("mira.key");
        let new = Keygen { file: file.clone() };
        keygen(&new, true).unwrap();
        assert!(keygen(&new, true).is_err());
        let signing = Signing {
            key: Some(file.clone()),
            tenant: "acme".to_owned(),
        };
        let signature = signing.sign(Said::Denied, "apr-1", "sha256:00", Some("no"));
        let statement = Statement {
            tenant: "acme".to_owned(),
            approval: "apr-1".to_owned(),
            digest: "sha256:00".to_owned(),
            decision: Said::Denied,
            reason: reason_digest(Some("no")),
            input: None,
        };
        let key = public_key(&public_file(&file)).unwrap();
        key.verify(&statement, &signature.unwrap().unwrap())
            .unwrap();
        // Not the private key for the public one, nor a key that others can read.
        assert!(public_key(&file).is_err());
        for mode in [0o640, 0o604, 0o660] {
            fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
            let no = signing.sign(Said::Denied, "apr-1", "sha256:00", None);
            assert!(no.unwrap_err().to_string().contains("chmod 600"));
        }
    }
}
