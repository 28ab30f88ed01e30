//! The streams over which people are told at once: how many there may be, and their end when the server stops.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use crate::domain::PersonId;

/// The streams of one server. Cloning shares them.
#[derive(Clone)]
pub struct Streams(Arc<Inner>);

struct Inner {
    most: usize,
    most_of_one: usize,
    open: Mutex<HashMap<PersonId, usize>>,
    closed: watch::Sender<bool>,
}

/// A place among the streams; it is free again when this is dropped.
pub struct Stream {
    streams: Streams,
    person: PersonId,
    closed: watch::Receiver<bool>,
}

impl Streams {
    /// So many in all, and so many of one person.
    pub fn new(most: usize, most_of_one: usize) -> Self {
        let (open, closed) = (Mutex::default(), watch::Sender::new(false));
        Self(Arc::new(Inner { most, most_of_one, open, closed }))
    }

    /// A place for a stream of this person, if one is free.
    pub fn open(&self, person: PersonId) -> Option<Stream> {
        let mut open = self.0.open.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = open.values().sum();
        let own = open.get(&person).copied().unwrap_or_default();
        if all >= self.0.most || own >= self.0.most_of_one {
            return None;
        }
        open.insert(person, own + 1);
        Some(Stream { streams: self.clone(), person, closed: self.0.closed.subscribe() })
    }

    /// How many are open.
    pub fn count(&self) -> usize {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner).values().sum()
    }

    /// Ends all of them: a server that stops does not wait for whoever only listens.
    pub fn close(&self) {
        self.0.closed.send_replace(true);
    }
}

impl Stream {
    /// Returns when the server stops.
    pub async fn closed(&mut self) {
        // Without a sender the server is gone, too.
        let _ = self.closed.wait_for(|closed| *closed).await;
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let mut open = self.streams.0.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.person) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.person);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Streams;
    use crate::domain::{PersonId, RawId};

    #[tokio::test]
    async fn there_are_so_many_and_no_more() {
        let [one, two] = [1, 2].map(|id| PersonId::from(RawId::from_bytes([id; 16])));
        let streams = Streams::new(3, 2);
        let first = streams.open(one).unwrap();
        let second = streams.open(one).unwrap();
        assert!(streams.open(one).is_none(), "of one person");
        let mut third = streams.open(two).unwrap();
        assert!(streams.open(two).is_none(), "in all");
        drop((first, second));
        assert_eq!(streams.count(), 1);
        assert!(streams.open(two).is_some());
        streams.close();
        third.closed().await;
    }
}
