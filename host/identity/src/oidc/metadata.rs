//! What a provider says of itself, and the types that `openidconnect` has for it.

use std::collections::BTreeMap;

use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreClaimName, CoreClaimType, CoreClientAuthMethod,
    CoreErrorResponseType, CoreGenderClaim, CoreGrantType, CoreJsonWebKey,
    CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm, CoreJwsSigningAlgorithm,
    CoreResponseMode, CoreResponseType, CoreRevocableToken, CoreRevocationErrorResponse,
    CoreSubjectIdentifierType, CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AdditionalClaims, AdditionalProviderMetadata, EmptyExtraTokenFields, EndpointMaybeSet,
    EndpointNotSet, EndpointSet, IdTokenClaims, IdTokenFields, ProviderMetadata,
    StandardErrorResponse, StandardTokenResponse,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use super::OidcError;

/// Beside what OpenID Connect Discovery 1.0 has.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct More {
    /// RFC 9207, 3.
    #[serde(default)]
    pub(super) authorization_response_iss_parameter_supported: bool,
    /// RFC 8414, 2.
    #[serde(default)]
    pub(super) code_challenge_methods_supported: Option<Vec<String>>,
}

impl AdditionalProviderMetadata for More {}

/// Claims beside the standard's: groups are among them.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct Others(pub(super) BTreeMap<String, Value>);

impl AdditionalClaims for Others {}

pub(super) type Metadata = ProviderMetadata<
    More,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

pub(super) type Claims = IdTokenClaims<Others, CoreGenderClaim>;

type Fields = IdTokenFields<
    Others,
    EmptyExtraTokenFields,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;

/// A client of a provider that was discovered.
pub(super) type Client = openidconnect::Client<
    Others,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    StandardTokenResponse<Fields, CoreTokenType>,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// What of a provider's words must hold before a browser is sent there.
pub(super) fn check(metadata: &Metadata, issuer: &Url) -> Result<(), OidcError> {
    let kept = |url: &Url| url.scheme() == "https" || url.origin() == issuer.origin();
    // The attack: a page over an open network, where the person types a password.
    if !kept(metadata.authorization_endpoint().url()) {
        return Err(OidcError::Unfit("its sign-in page has no TLS"));
    }
    if metadata.token_endpoint().is_none() {
        return Err(OidcError::Unfit("it names no token endpoint"));
    }
    let methods = &metadata
        .additional_metadata()
        .code_challenge_methods_supported;
    if methods
        .as_ref()
        .is_some_and(|known| !known.iter().any(|method| method == "S256"))
    {
        return Err(OidcError::Unfit("it has no PKCE with S256 (RFC 7636)"));
    }
    Ok(())
}

/// Whether the client's secret goes into the body of a request for a token, since the
/// provider takes it nowhere else. A header is the standard's default.
pub(super) fn secret_in_body(metadata: &Metadata) -> bool {
    let methods = metadata.token_endpoint_auth_methods_supported();
    methods.is_some_and(|known| {
        !known.contains(&CoreClientAuthMethod::ClientSecretBasic)
            && known.contains(&CoreClientAuthMethod::ClientSecretPost)
    })
}
