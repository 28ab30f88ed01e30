//! All integration tests, in one binary.
#![expect(clippy::disallowed_methods, reason = "tests read the environment to find what they need")]

mod bad_input;
mod canary;
mod foreign;
mod journeys;
mod packs;
mod reading;
mod samples;
mod server;
mod tour;
