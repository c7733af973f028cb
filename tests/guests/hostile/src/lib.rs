//! One tool for each way in which a guest can misbehave, and a few that behave,
//! to compare with. A host must bound each of them, name what happened, and
//! answer the next call as if nothing had been.
//!
//! What they use, where it is granted: the store `scratch`, the directory `box`,
//! and whatever names a caller gives to the probes.
//!
//! - `honest`: ordinary calls in every order a journal can see
//! - `bombs`: too much of something
//! - `lies`: outputs and claims that are not true
//! - `terms`: tools that are taken back within a time, with a trace, or by a tool of its own
//! - `probes`: whatever a caller wants to try at a capability

mod bombs;
mod honest;
mod lies;
mod probes;
mod terms;

use bombs::{
    call_flood, log_flood, memory_bomb, output_bomb, panics, spin, spin_in_calls, stack_bomb,
    string_bomb, traps,
};
use honest::{config_value, echo, increment, read_write_read, send, surroundings, write_twice};
use lies::{
    bad_json, bad_shape, deep_json, foreign_inverse, goes_on, trojan_text, undeclared_file,
    undeclared_write, write_then_fail, write_then_trap,
};
use probes::{try_file, try_kv, try_sql};
use terms::{credit, issue, list, several, unlist};

tollgate_sdk::connector!(
    echo,
    surroundings,
    config_value,
    increment,
    read_write_read,
    write_twice,
    send,
    spin,
    spin_in_calls,
    memory_bomb,
    stack_bomb,
    string_bomb,
    output_bomb,
    call_flood,
    log_flood,
    panics,
    traps,
    bad_json,
    bad_shape,
    deep_json,
    foreign_inverse,
    trojan_text,
    undeclared_write,
    undeclared_file,
    goes_on,
    write_then_fail,
    write_then_trap,
    try_file,
    try_kv,
    try_sql,
    issue,
    credit,
    list,
    unlist,
    several,
);
