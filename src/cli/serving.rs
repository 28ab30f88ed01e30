//! Serving: the archive opened, its publisher and its job runner started, the door opened.

use std::net::SocketAddr;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;

use super::{Outcome, output};
use crate::app::{App, Opened};
use crate::clock::Clock;
use crate::config::Config;
use crate::http;

/// A running server.
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    /// The archive.
    pub app: App,
    stop: tokio::sync::oneshot::Sender<()>,
    served: JoinHandle<std::io::Result<()>>,
    tasks: Vec<JoinHandle<()>>,
}

impl Running {
    /// Starts to publish, to work, and to listen.
    pub async fn start(app: App, listen: &str) -> anyhow::Result<Self> {
        let listener =
            TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))?;
        let address = listener.local_addr()?;
        let (publisher, worker, sampler) = (app.journal.clone(), app.clone(), app.clone());
        let tasks = vec![
            tokio::spawn(async move { publisher.publish_forever().await }),
            tokio::spawn(async move { worker.work_forever().await }),
            tokio::spawn(async move { sampler.sample_forever().await }),
        ];
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let router = http::router(app.clone());
        let serve = axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>());
        let served = tokio::spawn(
            serve
                .with_graceful_shutdown(async {
                    let _ = stopped.await;
                })
                .into_future(),
        );
        Ok(Self { address, app, stop, served, tasks })
    }

    /// Stops to listen, lets requests that are under way finish, publishes what waits.
    pub async fn stop(self) -> anyhow::Result<()> {
        let _ = self.stop.send(());
        self.app.streams.close();
        self.served.await??;
        for task in &self.tasks {
            task.abort();
        }
        self.app.journal.publish_waiting().await?;
        Ok(self.app.close()?)
    }
}

pub(super) async fn serve(mut config: Config, listen: Option<String>) -> anyhow::Result<Outcome> {
    if let Some(listen) = listen {
        config.listen = listen;
    }
    let listen = config.listen.clone();
    let opened = open(config).await?;
    let ending = Ending::new()?;
    let running = Running::start(opened.app, &listen).await?;
    output::say(&format!("listening on http://{}", running.address));
    ending.told().await;
    output::complain("stopping");
    running.stop().await?;
    Ok(Outcome::Clean)
}

/// Opens the archive and tells what had to be caught up.
pub(super) async fn open(config: Config) -> anyhow::Result<Opened> {
    let bar = output::progress("catching up");
    let opened = App::open(config, Clock::system(), &|done, total| {
        bar.set_length(total);
        bar.set_position(done);
    })
    .await?;
    bar.finish_and_clear();
    if opened.caught_up.replayed > 0 {
        tracing::info!(entries = opened.caught_up.replayed, "replayed from the bucket's log");
    }
    if opened.caught_up.unpublished > 0 {
        tracing::info!(entries = opened.caught_up.unpublished, "to be published");
    }
    Ok(opened)
}

/// Hears the signals to end from the moment it is made, so that whoever has read where the server
/// listens may stop it gracefully. Before that, a signal ends the process at once: opening is as safe as
/// a crash.
pub(super) struct Ending {
    terminate: Signal,
    interrupt: Signal,
}

impl Ending {
    /// Fails when the process may not have handlers of signals.
    pub(super) fn new() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Returns when the process is told to end.
    pub(super) async fn told(mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
