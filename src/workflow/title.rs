//! Words in both languages, as the pack gives them.
//!
//! Keys are ASCII and for programs; what a person reads comes from here.

use serde::{Deserialize, Serialize};

/// A name in Chinese and English.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Title {
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

impl Title {
    /// A title of these words.
    pub fn new(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { zh: zh.into(), en: en.into() }
    }

    /// The words in a language; English unless the language is a Chinese one.
    pub fn get(&self, lang: &str) -> &str {
        if lang.starts_with("zh") { &self.zh } else { &self.en }
    }
}
