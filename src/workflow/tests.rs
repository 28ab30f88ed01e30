//! The engine on the bundled pack.

use super::{Pack, pack, story};

#[test]
fn the_bundled_pack_has_no_findings() {
    let files = pack::read_files(std::path::Path::new("workflows/customer-service"), super::Limits::default()).unwrap();
    assert_eq!(pack::check(&files), []);
    assert_eq!(Pack::load(&files).unwrap().hash(), Pack::bundled().hash());
}

#[test]
fn the_bundled_stories_pass_and_walk_everything() {
    let report = story::run(&Pack::bundled());
    for story in &report.stories {
        assert!(story.passed, "{}: {:?}", story.name, story.problem);
    }
    assert_eq!(report.unwalked, Vec::<String>::new());
    assert_eq!(report.transitions_walked, report.transitions_all);
    assert!(report.stories.len() >= 5);
}
