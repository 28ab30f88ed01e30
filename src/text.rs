//! Sentences for people, in Chinese and English (Fluent files in `src/text/`), by id.
//!
//! Layer 0. A test keeps both files in step. Words of a department (states, documents, reasons) are not here: they
//! stand in its pack.

use std::sync::OnceLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use serde::{Deserialize, Serialize};

const ZH: &[&str] = &[include_str!("text/zh.ftl"), include_str!("text/desks.zh.ftl")];
const EN: &[&str] = &[include_str!("text/en.ftl"), include_str!("text/desks.en.ftl")];

/// A language that Lantai speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lang {
    /// Chinese.
    #[default]
    Zh,
    /// English.
    En,
}

impl Lang {
    /// The language tag.
    pub fn tag(self) -> &'static str {
        match self {
            Self::Zh => "zh",
            Self::En => "en",
        }
    }

    /// The better one for an `Accept-Language` header (RFC 9110): the first of ours that it names; Chinese if none.
    pub fn accepted(header: Option<&str>) -> Self {
        let tags = header
            .unwrap_or_default()
            .split(',')
            .map(|part| part.split(';').next().unwrap_or_default().trim());
        tags.filter_map(Self::of_tag).next().unwrap_or_default()
    }

    /// The language of a tag such as `en-GB`.
    pub fn of_tag(tag: &str) -> Option<Self> {
        match tag.get(..2)?.to_ascii_lowercase().as_str() {
            "zh" => Some(Self::Zh),
            "en" => Some(Self::En),
            _ => None,
        }
    }
}

/// The sentence of this id.
pub fn say(lang: Lang, id: &str) -> String {
    say_with(lang, id, &[])
}

/// The sentence of this id, with values put in.
pub fn say_with(lang: Lang, id: &str, values: &[(&str, &str)]) -> String {
    let bundle = bundle(lang);
    let Some(pattern) = bundle.get_message(id).and_then(|message| message.value()) else {
        return id.to_owned();
    };
    let mut arguments = FluentArgs::new();
    for (name, value) in values {
        arguments.set(*name, FluentValue::from(*value));
    }
    bundle.format_pattern(pattern, Some(&arguments), &mut Vec::new()).into_owned()
}

type Bundle = FluentBundle<FluentResource>;

fn bundle(lang: Lang) -> &'static Bundle {
    static BUNDLES: OnceLock<[Bundle; 2]> = OnceLock::new();
    let [zh, en] = BUNDLES.get_or_init(|| [make(Lang::Zh, ZH), make(Lang::En, EN)]);
    match lang {
        Lang::Zh => zh,
        Lang::En => en,
    }
}

fn make(lang: Lang, sources: &[&str]) -> Bundle {
    let tag: Option<unic_langid::LanguageIdentifier> = lang.tag().parse().ok();
    let mut bundle = Bundle::new_concurrent(tag.into_iter().collect());
    bundle.set_use_isolating(false);
    // A test reads all files: what does not parse here is missing there.
    for source in sources {
        let resource = FluentResource::try_new((*source).to_owned()).unwrap_or_else(|(partial, _)| partial);
        let _ = bundle.add_resource(resource);
    }
    bundle
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use fluent_bundle::FluentResource;

    use super::{EN, Lang, ZH, say, say_with};

    fn ids(sources: &[&str]) -> BTreeSet<String> {
        let mut ids = BTreeSet::new();
        for source in sources {
            assert!(FluentResource::try_new((*source).to_owned()).is_ok(), "the file parses");
            let named = source.lines().filter(|line| !line.starts_with(['#', ' ', '}']));
            for (id, _) in named.filter_map(|line| line.split_once(" =")) {
                assert!(ids.insert(id.to_owned()), "{id} stands in one file alone, once");
            }
        }
        ids
    }

    #[test]
    fn both_languages_say_the_same_things() {
        assert_eq!(ids(ZH), ids(EN));
        assert!(ids(ZH).len() > 20);
    }

    #[test]
    fn values_are_put_in() {
        assert_eq!(say(Lang::En, "problem-not_found"), "There is no such thing.");
        assert!(say_with(Lang::Zh, "problem-too_large", &[("limit", "7")]).contains('7'));
        assert_eq!(say(Lang::En, "no-such-id"), "no-such-id");
    }

    #[test]
    fn the_first_known_language_is_taken() {
        assert_eq!(Lang::accepted(Some("fr, en-GB;q=0.9, zh;q=0.8")), Lang::En);
        assert_eq!(Lang::accepted(Some("zh-CN,zh;q=0.9,en;q=0.8")), Lang::Zh);
        assert_eq!(Lang::accepted(None), Lang::Zh);
    }
}
