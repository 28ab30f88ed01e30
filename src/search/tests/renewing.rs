//! Another index in the place of one that is set aside.

use std::fs;

use super::Fixture;
use crate::search::Error;

#[test]
fn another_index_takes_the_place_of_one_that_is_set_aside() {
    let fixture = Fixture::with(&["基金合同"]);
    fixture.put(2, 2, &["没有提交"]);
    let folder = fixture.dir.path().to_owned();
    let aside = folder.with_extension("aside");
    let renewed = fixture.index.renew(|| fs::rename(&folder, &aside).map_err(Error::from));
    renewed.unwrap();
    fixture.check("基金合同", &[]);
    fixture.put(3, 3, &["基金合同"]);
    fixture.index.commit().unwrap();
    fixture.check("基金合同", &[3]);
    assert_eq!(fixture.index.stats().unwrap().items, 1);
    let failed = fixture.index.renew(|| Err(Error::Lost));
    assert!(matches!(failed, Err(Error::Lost)));
    fs::remove_dir_all(&aside).unwrap();
}
