//! What an approval of a request is bound to.

use std::fmt::Write as _;

use super::{Credential, HttpGrant};
use crate::Place;

impl HttpGrant {
    /// The base URL and the credential's slot and place. No address: the server
    /// may move. A change of any of these voids an approval.
    #[must_use]
    pub fn identity(&self) -> String {
        let mut identity = self.base_url.to_string();
        if let Some(credential) = &self.credential {
            identity.push_str(" with ");
            identity.push_str(&credential.identity());
        }
        identity
    }
}

impl Credential {
    /// The slot and where it goes. Names are quoted where a manifest can write
    /// anything, so that no two credentials read alike.
    fn identity(&self) -> String {
        let mut text = self.secret.clone();
        // Writing to a text cannot fail.
        let _ = match &self.place {
            Place::Header(name) => write!(text, " in header {name:?}"),
            Place::Query(name) => write!(text, " in query {name:?}"),
            Place::Body(pointer) => write!(text, " in body {pointer:?}"),
            Place::Signature(scheme) => write!(text, " as {} signature", scheme.as_str()),
            Place::OAuthClient => write!(text, " as client secret"),
            Place::Login => write!(text, " as login"),
        };
        if let Some(format) = &self.format {
            let _ = write!(text, " as {format:?}");
        }
        if let Some(user) = &self.user {
            let _ = write!(text, " of user {user:?}");
        }
        if let Some(oauth) = &self.oauth {
            let (url, id, scopes) = (&oauth.token_url, &oauth.client_id, &oauth.scopes);
            let _ = write!(text, " of client {id:?} at {url} for {scopes:?}");
        }
        text
    }
}
