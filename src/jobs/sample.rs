//! Sampling: a few documents taken at random are looked at again, all the time.

use std::time::Duration;

use crate::app::App;

impl App {
    /// Looks at some documents every so often, for ever. Run it as one task for the archive.
    pub async fn sample_forever(&self) {
        let pause = Duration::from_secs(self.config.verify.sample_seconds);
        if pause.is_zero() {
            return;
        }
        loop {
            tokio::time::sleep(pause).await;
            if let Err(error) = self.sample().await {
                tracing::warn!(%error, "documents could not be looked at again");
            }
        }
    }
}
