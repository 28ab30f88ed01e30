//! The one scanner of deadlines: what has come due is said or done, late if need be, but once.

use crate::app::App;
use crate::cases::{self, Ground};
use crate::workflow;

impl App {
    /// Lets the clock act on every open case: counts terms anew if the calendar in force says otherwise, takes the actions
    /// that passed deadlines call for, warns and reminds. Tells for how many cases something was done.
    ///
    /// # Errors
    ///
    /// The records, or a case whose pack is not known. That the log takes nothing is noted, and tried again in the next
    /// round.
    pub async fn run_timers(&self) -> anyhow::Result<usize> {
        self.recount_terms().await?;
        let mut acted = 0;
        for case in cases::open_cases(&self.records)? {
            let (own, definition) = self.packs.definition(&case.definition, &case.workflow)?;
            let counting = self.packs.counting(&own)?;
            let calendar = counting.pack.calendar();
            let ground = Ground { definition: &definition, pack: &own.pack, calendar };
            let done = match self.cases.run_timer(ground, case.id).await {
                Ok(None) => self.cases.remind(ground, case.id).await,
                other => other.map(|_| true),
            };
            match done {
                Ok(done) => acted += usize::from(done),
                Err(error) => tracing::warn!(case = %case.id, %error, "a deadline could not be acted on"),
            }
        }
        Ok(acted)
    }

    /// Counts the open cases' terms with the calendar in force. Only what differs is noted, in one entry: a pack that was
    /// published meanwhile, here or before a start, is found so.
    async fn recount_terms(&self) -> anyhow::Result<()> {
        let mut changed = Vec::new();
        for case in cases::open_cases(&self.records)? {
            let (own, definition) = self.packs.definition(&case.definition, &case.workflow)?;
            let counting = self.packs.counting(&own)?;
            changed.extend(workflow::recount(&definition, counting.pack.calendar(), &case));
        }
        if !changed.is_empty() {
            tracing::info!(cases = changed.len(), "terms are counted anew with the calendar in force");
            self.cases.recount(changed).await?;
        }
        Ok(())
    }
}
