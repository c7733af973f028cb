//! Mail through servers that the manifest names.
//!
//! | file | part |
//! |---|---|
//! | `wire` | messages and receipts as guests have them |
//! | `asked` | what is asked for, judged, and as rules and cards see it |
//! | `letter` | the message as it is sent |
//! | `rate` | how many in a time |
//! | `sending` | to the server, with the login |
//!
//! Nobody can look whether a server took a message, and no server takes two for
//! one: where its word is missing, a person looks into a mailbox. So nothing is
//! ever sent again by itself. The message's id is made of the call, for the
//! person who looks.

mod asked;
mod letter;
mod rate;
mod sending;
mod wire;

use tollgate_policy::Effect;
use tollgate_policy::mail::{MailGrant, MailRefusal, MailTls};

use letter::Letter;
pub(crate) use rate::Rates;
use wire::{MailFailure, Message, Receipt};

use super::Backends;
use crate::door::{
    Denial, Described, Imported, Next, Operation, Performed, Prior, Recovery, Refusal, Scope,
};

const INTERFACE: &str = "tollgate:connector/mail@0.1.0";

/// A message that is granted.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    destination: String,
    letter: Letter,
}

fn grant<'a>(scope: &Scope<'a>, name: &str) -> Result<&'a MailGrant, Refusal> {
    let grant = scope.manifest.grant.mail.get(name).ok_or_else(|| {
        Refusal::not_granted(
            format!("the manifest grants no mail server `{name}`"),
            "[grant.mail.NAME]\nserver = \"…:587\"\nfrom = \"…\"\nto = [\"*@…\"]",
        )
    })?;
    // The attack: who listens on the way reads the password. Said before anybody
    // is asked to approve.
    if grant.tls == MailTls::None && grant.credential.is_some() {
        return Err(Refusal::not_granted(
            format!("`{name}` has a login, which is sent by TLS only"),
            format!("under [grant.mail.{name}] write tls = \"starttls\""),
        ));
    }
    Ok(grant)
}

fn denied(refusal: &MailRefusal) -> Refusal {
    Refusal::Denied(Denial {
        reason: refusal.to_string(),
        rule: None,
        hint: refusal.hint(),
    })
}

/// Send one message.
pub(crate) struct Send;

impl Operation for Send {
    const CALL: &'static str = "mail.send";
    type Arguments = (String, Message);
    type Reply = Result<Receipt, MailFailure>;
    type Plan = Plan;

    /// What has left cannot be called back; nothing in a manifest lowers that.
    fn describe(
        (destination, message): Self::Arguments,
        scope: &Scope<'_>,
    ) -> Described<Plan, Self::Reply> {
        let refused = |identity: String, next| Described {
            destination: destination.clone(),
            identity,
            effect: Effect::Irreversible,
            arguments: asked::arguments(&message, None),
            next,
        };
        let grant = match grant(scope, &destination) {
            Ok(grant) => grant,
            Err(refusal) => return refused("mail".to_owned(), Next::Refuse(refusal)),
        };
        let judged = match asked::judge(&message, grant) {
            Ok(judged) => judged,
            Err(refusal) if refusal.is_denial() => {
                return refused(grant.identity(), Next::Refuse(denied(&refusal)));
            }
            Err(refusal) => {
                let invalid = MailFailure::InvalidMessage(refusal.to_string());
                return refused(grant.identity(), Next::Answer(Err(invalid)));
            }
        };
        let arguments = asked::arguments(&message, Some((&judged, grant)));
        let key = (scope.run, scope.position);
        let letter = Letter::of(message, &judged, grant, key, &arguments.to_string());
        Described {
            identity: grant.identity(),
            effect: Effect::Irreversible,
            arguments,
            next: match letter {
                Ok(letter) => Next::Perform(Plan {
                    destination: destination.clone(),
                    letter,
                }),
                Err(why) => Next::Answer(Err(MailFailure::InvalidMessage(why))),
            },
            destination,
        }
    }

    const RECOVERY: Recovery = Recovery::None;

    fn refuse(refusal: Refusal) -> Self::Reply {
        Err(MailFailure::Refused(refusal))
    }

    async fn perform(
        plan: Plan,
        _: Option<&Prior>,
        scope: &Scope<'_>,
        backends: &Backends,
    ) -> Performed<Self::Reply> {
        match grant(scope, &plan.destination) {
            Ok(grant) => sending::send(&plan.letter, grant, scope, backends).await,
            Err(refusal) => Performed::answered(Self::refuse(refusal)),
        }
    }

    /// A person found it in a mailbox; the server's words are lost.
    fn assumed(plan: &Plan, _: Option<&Prior>) -> Option<Self::Reply> {
        Some(Ok(Receipt {
            message_id: plan.letter.message_id.clone(),
            answer: "a person says that it was sent".to_owned(),
        }))
    }
}

impl Imported for Send {
    const INTERFACE: &'static str = INTERFACE;
    const FUNCTION: &'static str = "send";
    type Results = (Self::Reply,);
    fn results(reply: Self::Reply) -> Self::Results {
        (reply,)
    }
}
