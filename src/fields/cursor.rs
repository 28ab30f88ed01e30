//! Reading forward in a run's characters, one small step at a time.
//!
//! Every scanner of [`super`] is written with it, so that nothing there indexes: past the end there is just nothing.

/// A place in a text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a> {
    text: &'a [char],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a [char], at: usize) -> Self {
        Self { text, at }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// What comes next.
    pub(super) fn peek(&self) -> Option<char> {
        self.peek_at(0)
    }

    /// What comes `ahead` characters later.
    pub(super) fn peek_at(&self, ahead: usize) -> Option<char> {
        self.text.get(self.at + ahead).copied()
    }

    /// What came just before.
    pub(super) fn before(&self) -> Option<char> {
        self.at.checked_sub(1).and_then(|at| self.text.get(at)).copied()
    }

    pub(super) fn advance(&mut self, by: usize) {
        self.at += by;
    }

    pub(super) fn step_back(&mut self, by: usize) {
        self.at = self.at.saturating_sub(by);
    }

    /// Takes the next character if it is wanted.
    pub(super) fn take(&mut self, wanted: impl Fn(char) -> bool) -> Option<char> {
        let next = self.peek().filter(|c| wanted(*c))?;
        self.at += 1;
        Some(next)
    }

    /// Takes the next character if it is one of these.
    pub(super) fn eat(&mut self, one_of: &str) -> bool {
        self.take(|c| one_of.contains(c)).is_some()
    }

    /// Takes up to `most` characters that are wanted, and returns them.
    pub(super) fn take_some(&mut self, most: usize, wanted: impl Fn(char) -> bool) -> &'a [char] {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let length = rest.iter().take(most).take_while(|c| wanted(**c)).count();
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }

    /// Takes up to `most` spaces; how many there were.
    pub(super) fn spaces(&mut self, most: usize) -> usize {
        self.take_some(most, |c| c == ' ').len()
    }

    /// Takes a word, in capitals or not; nothing if it does not stand here.
    pub(super) fn word(&mut self, word: &str) -> bool {
        let mut probe = *self;
        let found = word.chars().all(|c| probe.take(|d| d.eq_ignore_ascii_case(&c)).is_some());
        if found {
            self.at = probe.at;
        }
        found
    }

    /// Takes a number of `least` to `most` ASCII digits that no further digit follows.
    pub(super) fn number(&mut self, least: usize, most: usize) -> Option<u64> {
        let mut probe = *self;
        let digits = probe.take_some(most, |c| c.is_ascii_digit());
        if digits.len() < least || probe.peek().is_some_and(|c| c.is_ascii_digit()) {
            return None;
        }
        let value = value_of(digits)?;
        self.at = probe.at;
        Some(value)
    }
}

/// The number that these ASCII digits write, if it fits.
pub(super) fn value_of(digits: &[char]) -> Option<u64> {
    digits.iter().try_fold(0_u64, |value, c| {
        let digit = c.to_digit(10)?;
        value.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// Whether `word` ends just before `at`; where it begins.
pub(super) fn word_before(text: &[char], at: usize, word: &str) -> Option<usize> {
    let start = at.checked_sub(word.chars().count())?;
    Cursor::new(text, start).word(word).then_some(start)
}
