//! Where a secret may go.

use tollgate_policy::Place;

/// A credential slot: one secret, bound to a tenant, an origin and a place. The
/// manifest says where a connector's credential goes; the host's settings say
/// where the secret may go. Both must agree, so that whoever writes a manifest
/// cannot have a secret sent elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The name that manifests use.
    pub name: String,
    /// The tenant whose connectors may use it.
    pub tenant: String,
    /// The only origin that it is sent to: scheme, host and port, as
    /// `https://desk.example` or `smtp://mail.example:587`.
    pub origin: String,
    /// The only place in a request that it is put into.
    pub place: Place,
    /// Of an OAuth client's secret, the only origins whose requests may carry a
    /// token that was got with it. With none, no token is asked for. Of other
    /// secrets nothing.
    pub resources: Vec<String>,
}
