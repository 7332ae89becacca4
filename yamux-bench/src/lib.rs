//! How fast Rust Yamux is, against raw TCP and the other multiplexers.
//!
//! The pieces, from the bottom up:
//!
//! - [`link`]: what a session runs over: loopback TCP, memory, or a long fat path;
//! - [`contender`]: one way to get streams over a link, ours or a rival's;
//! - [`workload`]: what the streams are made to do, and what is measured meanwhile;
//! - [`catalogue`]: which workload runs over which link under which name;
//! - [`cost`]: instructions, system calls and allocations of one operation;
//! - [`compare`]: every contender in turn, the table of ratios, [`targets`], [`record`], [`chart`].

pub mod catalogue;
pub mod chart;
pub mod compare;
pub mod contender;
pub mod cores;
pub mod cost;
pub mod go;
pub mod link;
pub mod machine;
pub mod measure;
pub mod one;
pub mod record;
pub mod runtime;
pub mod targets;
pub mod workload;
