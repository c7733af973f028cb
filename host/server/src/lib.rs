//! Tollgate's faces: how agents, programs and people reach a host.
//!
//! | path | face | who |
//! |---|---|---|
//! | `/mcp` | MCP over streamable HTTP, see [`mcp`] for the contract | agents |
//! | `/v1` | REST with an OpenAPI document at `/v1/openapi.json` | programs, people |
//! | `/hooks/NAME` | webhooks that open runs | other systems, by their signature |
//! | `/v1/callbacks/NAME` | decisions from chats | chat services, by their signature |
//! | `/` | the inbox and the cards of held calls | people |
//! | `/metrics` | figures of the running host for Prometheus | an operator, a service that collects them |
//! | `/healthz` | whether the process answers | anybody |
//!
//! The faces decide nothing. They establish who is calling from a credential,
//! translate, and hand the request to a [`Gatekeeper`], which is the host in
//! production and a double in tests. Three walls stand in front of every route:
//! `Host` and `Origin` are checked before anything else, bodies are bounded,
//! and every answer says how a browser must treat it.
//!
//! A decision on a held call is taken with a person's own credential, or comes from an
//! account of a chat that the operator has named. An agent's token is refused here and
//! once more by the host behind it.

mod adapter;
mod bearer;
mod callbacks;
#[cfg(test)]
mod double;
mod exact;
mod gatekeeper;
mod guard;
mod hooks;
mod incoming;
mod listen;
pub mod mcp;
mod metrics;
mod problem;
mod rest;
#[cfg(test)]
mod tests;
mod web;

pub use gatekeeper::{Casework, Gatekeeper, Oversight, Refusal, SignIn};
pub use listen::{FaceError, FaceOptions, Faces, router, serve, serve_stdio};
pub use mcp::ToolNames;
