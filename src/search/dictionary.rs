//! The word dictionary, loaded when first needed and given back when there is nothing to do.
//!
//! It is one for the whole process: it depends on nothing but the program.

use std::sync::{Arc, Mutex, PoisonError};

use jieba_rs::Jieba;

static LOADED: Mutex<Option<Arc<Jieba>>> = Mutex::new(None);

/// Words of one character that say nothing about a text.
const FILLERS: &str = "的了和与及在是之等或其于为将由";

/// The words of a run of Han characters, as (first, one past last) places in characters. With `overlapping` also the
/// words inside longer words, as they are indexed; without, one cut, as a query is read.
pub(super) fn words(run: &str, overlapping: bool) -> Vec<(usize, usize)> {
    let dictionary = dictionary();
    let tokens = if overlapping { dictionary.cut_for_search(run, false) } else { dictionary.cut(run, false) };
    let tokens =
        tokens.into_iter().filter(|token| token.end - token.start > 1 || !FILLERS.contains(token.word));
    let mut words: Vec<_> = tokens.map(|token| (token.start, token.end)).collect();
    words.sort_unstable();
    words
}

/// Gives the memory back; the next call loads the dictionary again.
pub(super) fn unload() {
    *lock() = None;
}

fn dictionary() -> Arc<Jieba> {
    lock().get_or_insert_with(|| Arc::new(Jieba::new())).clone()
}

fn lock() -> std::sync::MutexGuard<'static, Option<Arc<Jieba>>> {
    LOADED.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn words_inside_words_are_indexed() {
        let run: Vec<char> = "中华人民共和国的采购合同".chars().collect();
        let text: String = run.iter().collect();
        let cut = |overlapping| -> Vec<String> {
            words(&text, overlapping).into_iter().map(|(from, to)| run[from..to].iter().collect()).collect()
        };
        assert_eq!(cut(false), ["中华人民共和国", "采购", "合同"]);
        let indexed = cut(true);
        for word in ["中华", "人民", "共和国", "中华人民共和国", "采购", "合同"] {
            assert!(indexed.iter().any(|w| w == word), "{word}");
        }
    }
}
