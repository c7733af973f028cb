//! The connector `mail`.
//!
//! It has one tool, which sends one message. What leaves cannot be called back,
//! so the tool declares itself irreversible, and a person looks at every message,
//! whatever the rules of the manifest say. Sender, server and who may be written
//! to are the manifest's; there is no tool that reads mail.

mod send;

use send::send_mail;

tollgate_sdk::connector!(send_mail);
