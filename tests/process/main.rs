//! What the program `tollgate` promises, tried on the program itself: real
//! processes, sockets, signals and files. Nothing here sleeps; every wait is for
//! an event, and every child is ended by its own id.

#![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

mod cli;
mod compile;
mod crash;
mod deciding;
mod demo;
mod eval;
mod fuzzed;
mod journey;
mod mcp;
mod mistakes;
mod openapi;
mod openmetrics;
mod oversight;
mod people;
mod program;
mod proofs;
mod rest;
mod session;
mod several;
mod shop;
mod signing;
mod web;
mod webhook;
