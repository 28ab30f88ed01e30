//! All integration tests, in one binary.
#![expect(clippy::disallowed_methods, reason = "tests read the environment to find what they need")]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "what is not as expected fails the test")]
#![expect(clippy::print_stdout, reason = "a test says what it skipped and what it measured")]

mod app;
mod bad_input;
mod canary;
mod crash;
mod damage;
mod desk;
mod drill;
mod effects;
mod export;
mod fields;
mod foreign;
mod formats;
mod forms;
mod garage;
mod import;
mod journeys;
mod keys;
mod ledger;
mod listing;
mod log;
mod memory;
mod models;
mod moto;
mod notices;
mod openapi;
mod outage;
mod packs;
mod pages;
mod publishing;
mod python;
mod queue;
mod reading;
mod restore;
mod samples;
mod sealing;
mod search;
mod searches;
mod server;
mod signing_in;
mod stack;
mod stores;
mod tidy;
mod timers;
mod tour;
mod trades;
mod verify;
mod write_once;
