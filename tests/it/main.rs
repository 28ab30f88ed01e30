//! All integration tests, in one binary.
#![expect(clippy::disallowed_methods, reason = "tests read the environment to find what they need")]

mod bad_input;
mod canary;
mod crash;
mod foreign;
mod garage;
mod journeys;
mod packs;
mod reading;
mod restore;
mod samples;
mod server;
mod stores;
mod tour;
