//! A verification that a running server was asked for: one at a time, with its progress and its last report.

use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::task::AbortHandle;

use super::{Options, Stage};
use crate::app::App;
use crate::archive::{Depth, Report};

/// How a verification goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Going {
    /// None was asked for since the server started.
    #[default]
    Idle,
    /// It is under way.
    Running,
    /// It came to its end; the report says what it found.
    Finished,
    /// It could not be done.
    Failed,
}

/// The last verification that was asked for.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct TaskState {
    /// How it goes.
    pub state: Going,
    /// How closely it looks.
    pub depth: Option<Depth>,
    /// What it is looking at.
    pub stage: Option<Stage>,
    /// How many of these are done.
    pub done: u64,
    /// Of how many.
    pub total: u64,
    /// When it was begun.
    pub started_at: Option<Timestamp>,
    /// What it found.
    pub report: Option<Report>,
    /// Why it could not be done.
    pub error: Option<String>,
}

/// The one verification that may be under way.
#[derive(Default)]
pub struct Task {
    state: Mutex<TaskState>,
    running: Mutex<Option<AbortHandle>>,
}

impl Task {
    fn state(&self) -> MutexGuard<'_, TaskState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends it, because the server stops. It can be resumed.
    pub(in crate::app) fn abort(&self) {
        if let Some(running) = self.running.lock().unwrap_or_else(PoisonError::into_inner).take() {
            running.abort();
        }
    }
}

impl App {
    /// How the last verification that was asked for goes.
    pub fn verifying(&self) -> TaskState {
        self.task.state().clone()
    }

    /// Begins one, unless one is under way: then `None`.
    pub fn start_verifying(&self, options: Options) -> Option<TaskState> {
        let mut state = self.task.state();
        if state.state == Going::Running {
            return None;
        }
        *state = TaskState {
            state: Going::Running,
            depth: Some(options.depth),
            started_at: Some(self.clock.now()),
            ..TaskState::default()
        };
        let app = self.clone();
        let running = tokio::spawn(async move { app.run_verification(options).await });
        *self.task.running.lock().unwrap_or_else(PoisonError::into_inner) = Some(running.abort_handle());
        Some(state.clone())
    }

    async fn run_verification(&self, options: Options) {
        let watch = |stage, done, total| {
            let mut state = self.task.state();
            (state.stage, state.done, state.total) = (Some(stage), done, total);
        };
        let result = self.verify_with(options, &watch).await;
        let mut state = self.task.state();
        match result {
            Ok(report) => {
                for problem in &report.problems {
                    tracing::error!(code = %problem.code, subject = %problem.subject, "verify found a problem");
                }
                (state.state, state.report) = (Going::Finished, Some(report));
            }
            Err(error) => {
                tracing::warn!(%error, "verify could not be done");
                (state.state, state.error) = (Going::Failed, Some(error.to_string()));
            }
        }
    }
}
