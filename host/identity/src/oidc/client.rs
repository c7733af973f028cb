//! The two steps of a sign-in.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};
use ipnet::IpNet;
use openidconnect::core::{CoreAuthenticationFlow, CoreErrorResponseType, CoreJwsSigningAlgorithm};
use openidconnect::{
    AuthType, AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret, CsrfToken,
    DiscoveryError, IdTokenVerifier, IssuerUrl, Nonce, PkceCodeChallenge, RedirectUrl,
    RequestTokenError, Scope, SignatureVerificationError, TokenResponse as _,
};
use tokio::sync::Mutex;
use tollgate_egress::{Egress, EgressError};
use tollgate_secrets::Secrets;
use url::Url;

use super::OidcError;
use super::flow::{Answer, Begun, Flow, RANDOM_BYTES};
use super::metadata::{self, Client, Metadata};
use super::person::{self, Person, PersonClaim};
use super::wire::Wire;

/// How long what a provider says of itself is believed. A key that it takes back counts
/// no longer than this.
const FRESH_FOR: Duration = Duration::from_secs(10 * 60);

/// How far two clocks may be apart.
const LEEWAY: TimeDelta = TimeDelta::seconds(60);

/// How old an ID token may be. It was asked for a moment ago.
const AGE_MAX: TimeDelta = TimeDelta::minutes(10);

/// Signatures with a public key. `none` is no signature; the HS ones are made with the
/// client's secret, which is known to more than the provider.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 3] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// A provider of OpenID Connect, and this host as its client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    /// The issuer as the provider writes it: it is compared to the letter.
    pub issuer_text: String,
    /// The same as an address.
    pub issuer: Url,
    /// This host's name there.
    pub client_id: String,
    /// The tenant's secret that proves that name. It is of an OAuth client, for the
    /// origin of the token endpoint, and its resource is this host's own origin.
    pub client_secret: String,
    /// Whose people sign in.
    pub tenant: String,
    /// Where the provider sends browsers back to.
    pub redirect: Url,
    /// What to ask for beside `openid`.
    pub scopes: Vec<String>,
    /// Which claim is a person's name.
    pub person: PersonClaim,
    /// The claim with a person's groups.
    pub groups_claim: Option<String>,
    /// Special-purpose addresses that the issuer's origin may have all the same.
    pub addresses: Vec<IpNet>,
    /// Certificates (PEM) to trust at the issuer's origin instead of the platform's.
    pub roots: Option<Vec<u8>>,
}

/// A client of one provider.
pub struct RelyingParty {
    provider: Arc<Provider>,
    secrets: Arc<Secrets>,
    wire: Wire,
    /// Held while the provider is asked: callers at the same time ask once.
    known: Mutex<Option<Known>>,
}

#[derive(Clone)]
struct Known {
    metadata: Arc<Metadata>,
    read: Instant,
}

impl RelyingParty {
    /// Nothing is asked yet.
    #[must_use]
    pub fn new(provider: Provider, secrets: Arc<Secrets>, egress: Arc<Egress>) -> Self {
        let provider = Arc::new(provider);
        Self {
            wire: Wire {
                egress,
                provider: Arc::clone(&provider),
            },
            provider,
            secrets,
            known: Mutex::new(None),
        }
    }

    /// The provider.
    #[must_use]
    pub fn provider(&self) -> &Provider {
        &self.provider
    }

    /// Begin: where to send the browser, and what to keep until it comes back.
    ///
    /// # Errors
    ///
    /// When the provider is away, or is none that can be used.
    pub async fn begin(&self) -> Result<Begun, OidcError> {
        let metadata = self.metadata().await?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let client = self.client(&metadata, None);
        let request = client.authorize_url(
            CoreAuthenticationFlow::AuthorizationCode,
            || CsrfToken::new_random_len(RANDOM_BYTES),
            || Nonce::new_random_len(RANDOM_BYTES),
        );
        let scopes = self.provider.scopes.iter().cloned().map(Scope::new);
        let (address, state, nonce) = request
            .add_scopes(scopes)
            .set_pkce_challenge(challenge)
            .url();
        Ok(Begun {
            address,
            flow: Flow {
                state,
                nonce,
                verifier,
            },
        })
    }

    /// Finish: who the provider says it is. The caller has seen that the answer carries
    /// the flow's state, and that the browser is the one that began.
    ///
    /// # Errors
    ///
    /// When the provider refused, or what it said proves nothing.
    pub async fn finish(&self, flow: Flow, answer: Answer) -> Result<Person, OidcError> {
        let metadata = self.metadata().await?;
        self.is_the_issuers(&metadata, answer.iss.as_deref())?;
        if let Some(error) = &answer.error {
            return Err(OidcError::Refused(refusal(error)));
        }
        let code = answer.code.filter(|code| !code.is_empty());
        let code = code.ok_or(OidcError::Foreign("it has no code"))?;
        let Flow {
            nonce, verifier, ..
        } = flow;
        let secret = self.secret(&metadata).await?;
        let client = self.client(&metadata, Some(secret));
        let asked = client
            .exchange_code(AuthorizationCode::new(code))
            .map_err(|_| OidcError::Unfit("it names no token endpoint"))?
            .set_pkce_verifier(verifier);
        let tokens = asked.request_async(&self.wire).await.map_err(not_given)?;
        let token = tokens.id_token().ok_or(OidcError::Token("there is none"))?;
        let mut verified = token.claims(&self.verifier(&metadata), &nonce);
        // Keys are exchanged. Only the provider itself can lead here, by a token of its
        // own, so nobody else makes the host ask.
        let newer;
        if is_of_an_unknown_key(&verified) {
            newer = self.discover().await?;
            verified = token.claims(&self.verifier(&newer), &nonce);
        }
        let claims = verified.map_err(|error| not_taken(&error))?;
        // The crate leaves this one to its users.
        let for_another = |azp: &ClientId| azp.as_str() != self.provider.client_id;
        if claims.authorized_party().is_some_and(for_another) {
            return Err(OidcError::Token("it was given to another client"));
        }
        person::of(
            claims,
            self.provider.person,
            self.provider.groups_claim.as_deref(),
        )
    }

    /// RFC 9207, 2.4. An error is no exception: it, too, may be another provider's.
    fn is_the_issuers(&self, metadata: &Metadata, iss: Option<&str>) -> Result<(), OidcError> {
        let announced = metadata
            .additional_metadata()
            .authorization_response_iss_parameter_supported;
        match iss {
            Some(iss) if iss == self.provider.issuer_text => Ok(()),
            Some(_) => Err(OidcError::Foreign("it is from another provider")),
            None if announced => Err(OidcError::Foreign("it does not say from whom it is")),
            None => Ok(()),
        }
    }

    fn client(&self, metadata: &Metadata, secret: Option<ClientSecret>) -> Client {
        let id = ClientId::new(self.provider.client_id.clone());
        let client = Client::from_provider_metadata(metadata.clone(), id, secret)
            .set_redirect_uri(RedirectUrl::from_url(self.provider.redirect.clone()));
        match metadata::secret_in_body(metadata) {
            true => client.set_auth_type(AuthType::RequestBody),
            false => client,
        }
    }

    /// A public client's verifier: it has no secret, so none can be a key.
    fn verifier(
        &self,
        metadata: &Metadata,
    ) -> IdTokenVerifier<'static, openidconnect::core::CoreJsonWebKey> {
        let id = ClientId::new(self.provider.client_id.clone());
        let keys = metadata.jwks().clone();
        IdTokenVerifier::new_public_client(id, metadata.issuer().clone(), keys)
            .set_allowed_algs(ALGORITHMS)
            .set_time_fn(|| Utc::now() - LEEWAY)
            .set_issue_time_verifier_fn(|issued| {
                let age = Utc::now() - issued;
                let fits = age >= -LEEWAY && age <= AGE_MAX + LEEWAY;
                fits.then_some(())
                    .ok_or_else(|| "issued at another time".to_owned())
            })
    }

    /// The attack: a discovery document that names a token endpoint of somebody else's,
    /// which is then told the client's secret. The secret has one origin.
    async fn secret(&self, metadata: &Metadata) -> Result<ClientSecret, OidcError> {
        let provider = &self.provider;
        let endpoint = metadata.token_endpoint();
        let endpoint = endpoint.ok_or(OidcError::Unfit("it names no token endpoint"))?;
        let origin = endpoint.url().origin().ascii_serialization();
        let own = provider.redirect.origin().ascii_serialization();
        let secrets = &self.secrets;
        let secret = secrets.client(&provider.tenant, &provider.client_secret, &origin, &own);
        let secret = secret.await?;
        let text = std::str::from_utf8(secret.expose());
        let text = text.map_err(|_| OidcError::Unfit("the secret of its client is no text"))?;
        Ok(ClientSecret::new(text.to_owned()))
    }

    async fn metadata(&self) -> Result<Arc<Metadata>, OidcError> {
        let mut known = self.known.lock().await;
        if let Some(known) = known.as_ref()
            && known.read.elapsed() < FRESH_FOR
        {
            return Ok(Arc::clone(&known.metadata));
        }
        *known = None;
        let read = self.read().await?;
        let metadata = Arc::clone(&read.metadata);
        *known = Some(read);
        Ok(metadata)
    }

    /// The same, not as it was.
    async fn discover(&self) -> Result<Arc<Metadata>, OidcError> {
        let mut known = self.known.lock().await;
        let read = self.read().await?;
        let metadata = Arc::clone(&read.metadata);
        *known = Some(read);
        Ok(metadata)
    }

    async fn read(&self) -> Result<Known, OidcError> {
        let read = Instant::now();
        let unfit = |_| OidcError::Unfit("its issuer is no address");
        let issuer = IssuerUrl::new(self.provider.issuer_text.clone()).map_err(unfit)?;
        let metadata = Metadata::discover_async(issuer, &self.wire).await;
        let metadata = metadata.map_err(not_discovered)?;
        metadata::check(&metadata, &self.provider.issuer)?;
        Ok(Known {
            metadata: Arc::new(metadata),
            read,
        })
    }
}

/// The attack: an answer that is quoted to whoever is there. Its text is let go.
fn not_discovered(error: DiscoveryError<EgressError>) -> OidcError {
    match error {
        DiscoveryError::Request(error) => OidcError::Unreachable(error),
        DiscoveryError::Validation(_) => OidcError::Unfit("it calls itself by another issuer"),
        DiscoveryError::Response(..) => {
            OidcError::Unfit("it has no discovery document, or no keys")
        }
        _ => OidcError::Unfit("its discovery document, or its keys, cannot be read"),
    }
}

fn not_given(
    error: RequestTokenError<
        EgressError,
        openidconnect::StandardErrorResponse<CoreErrorResponseType>,
    >,
) -> OidcError {
    match error {
        RequestTokenError::Request(error) => OidcError::Unreachable(error),
        RequestTokenError::ServerResponse(said) => OidcError::Refused(match said.error() {
            CoreErrorResponseType::InvalidGrant => "the code was used, is too old, or another's",
            CoreErrorResponseType::InvalidClient => "it does not know this host, or its secret",
            _ => "for a reason of its own",
        }),
        // These quote the answer.
        _ => OidcError::Token("its answer cannot be read"),
    }
}

fn is_of_an_unknown_key<T>(verified: &Result<T, ClaimsVerificationError>) -> bool {
    matches!(
        verified,
        Err(ClaimsVerificationError::SignatureVerification(
            SignatureVerificationError::NoMatchingKey
        ))
    )
}

fn not_taken(error: &ClaimsVerificationError) -> OidcError {
    OidcError::Token(match error {
        ClaimsVerificationError::Expired(_) => "its time is over, or has not come",
        ClaimsVerificationError::InvalidAudience(_) => "it is for another client",
        ClaimsVerificationError::InvalidIssuer(_) => "it is another provider's",
        ClaimsVerificationError::InvalidNonce(_) => "it answers another sign-in",
        ClaimsVerificationError::SignatureVerification(error) => match error {
            SignatureVerificationError::NoSignature
            | SignatureVerificationError::DisallowedAlg(_)
            | SignatureVerificationError::UnsupportedAlg(_) => {
                "it is not signed by RS256, ES256 or EdDSA"
            }
            _ => "it is not signed by the provider",
        },
        _ => "it is none of OpenID Connect",
    })
}

/// The standard's words for a refusal (RFC 6749, 4.1.2.1; OpenID Connect Core 1.0,
/// 3.1.2.6). The attack: a link to the callback with a text of the attacker's, which our
/// page then says. So a word that is not known is not said.
fn refusal(error: &str) -> &'static str {
    match error {
        "access_denied" => "you did not agree, or may not sign in here",
        "login_required" | "interaction_required" | "account_selection_required" => {
            "it wants you to sign in there first"
        }
        "consent_required" => "you did not agree",
        "temporarily_unavailable" | "server_error" => "it cannot answer now",
        _ => "for a reason of its own",
    }
}

impl fmt::Debug for RelyingParty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RelyingParty")
            .field("issuer", &self.provider.issuer_text)
            .finish_non_exhaustive()
    }
}
