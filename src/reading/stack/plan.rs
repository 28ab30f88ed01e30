//! The plan of a stack: which pages belong together, and where they go. Pure; it opens nothing.
//!
//! The rules:
//! * Pages after a cover belong to its case and kind, until the next mark.
//! * A separator begins a part that inherits nothing, not even the case of the cover before it: a paper in the wrong
//!   dossier is read by people who may not read it, one that waits for a person is only late.
//! * Pages before the first mark are a part without a mark. A stack without any mark is one part: nothing to split.
//! * A cover without pages stays, as a part without pages: its papers are missing, and somebody should look for them. A
//!   separator without pages says nothing and is left out, but for its number in [`Plan::left_out`].
//! * The blank back of a sheet with a mark belongs to the sheet: it is in no part, and in [`Plan::left_out`]. If both
//!   sides carry the same mark, they are one sheet.
//! * A separator beside a cover, or on the back of its sheet, says nothing new.
//! * A page with a form's code is itself a page of that form, and so are the pages after it with the same code and their
//!   blank backs. What else follows a form begins a part that inherits nothing.
//! * A page with two different covers is unsure: the part goes by the first one, and a person confirms. So is a part
//!   whose cover stands on the back of another, or whose mark stands on the back of a page.

use super::cover::Mark;

/// What is known of one page.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PageSeen {
    /// Our codes on it, from top to bottom.
    pub marks: Vec<Mark>,
    /// Nothing is written on it.
    pub blank: bool,
}

/// How the stack went through the scanner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sides {
    /// Not known. The blank page after a mark is taken for the sheet's back.
    #[default]
    Unknown,
    /// One page to a sheet.
    One,
    /// Two pages to a sheet, the front first: pages 1 and 2, 3 and 4...
    Both,
}

/// What becomes of a stack. Every page is in exactly one part or in `left_out`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// The parts, in order.
    pub parts: Vec<Part>,
    /// Pages that are in no part: separators, the sheets with marks, and their blank backs. Counted from 1.
    pub left_out: Vec<u32>,
}

impl Plan {
    /// Whether there is anything to do: a stack without a mark stays as it is.
    pub fn splits(&self) -> bool {
        self.parts.iter().any(|part| part.mark.is_some())
    }
}

/// Pages that belong together. Page numbers count from 1.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Part {
    /// What began the part; none for the pages before the first mark.
    pub mark: Option<Mark>,
    /// Where `mark` stands.
    pub cover_page: Option<u32>,
    /// The pages in order, blank ones in their places; without the page of the mark, unless that is a form's.
    pub pages: Vec<u32>,
    /// Those of `pages` that are blank.
    pub blank: Vec<u32>,
    /// A person must confirm what this part is.
    pub unsure: bool,
}

/// Plans a stack.
pub fn plan(pages: &[PageSeen], sides: Sides) -> Plan {
    let mut plan = Plan::default();
    let mut part = Part::default();
    for (number, page) in (1_u32..).zip(pages) {
        let before = number.checked_sub(2).and_then(|at| pages.get(at as usize));
        let place = Place { number, page, before, sides };
        match mark_of(page) {
            Some((mark @ Mark::Form(_), sure)) => {
                if part.mark.as_ref() != Some(&mark) {
                    plan.parts.extend(std::mem::replace(&mut part, Part::of_form(mark, number)).kept());
                }
                part.unsure |= !sure;
                part.add(number, page);
            }
            Some((mark, _)) if place.repeats_front(&mark) => plan.left_out.push(number),
            Some((mark, sure)) => {
                let next = place.begin(mark, sure, &mut part, &mut plan.left_out);
                plan.parts.extend(std::mem::replace(&mut part, next).kept());
            }
            None if place.is_blank_back(&part) => plan.left_out.push(number),
            None if matches!(part.mark, Some(Mark::Form(_))) && !page.blank => {
                plan.parts.extend(std::mem::take(&mut part).kept());
                part.add(number, page);
            }
            None => part.add(number, page),
        }
    }
    plan.parts.extend(part.kept());
    plan.left_out.sort_unstable();
    plan
}

impl Part {
    fn of_form(mark: Mark, page: u32) -> Self {
        Self { mark: Some(mark), cover_page: Some(page), ..Self::default() }
    }

    fn add(&mut self, number: u32, page: &PageSeen) {
        self.pages.push(number);
        if page.blank {
            self.blank.push(number);
        }
    }

    /// None if this part says nothing.
    fn kept(self) -> Option<Self> {
        let says = matches!(self.mark, Some(Mark::Cover(_))) || !self.pages.is_empty();
        says.then_some(self)
    }
}

/// The mark that counts on a page, and whether there is no other that contradicts it.
fn mark_of(page: &PageSeen) -> Option<(Mark, bool)> {
    let mut covers = page.marks.iter().filter(|mark| matches!(mark, Mark::Cover(_) | Mark::Form(_)));
    let mark = covers.next().or(page.marks.first())?;
    Some((mark.clone(), covers.all(|other| other == mark)))
}

/// A page, and what stands on the page before it.
struct Place<'a> {
    number: u32,
    page: &'a PageSeen,
    before: Option<&'a PageSeen>,
    sides: Sides,
}

impl Place<'_> {
    /// Whether the page before is the front of the same sheet.
    fn is_back(&self) -> bool {
        self.sides == Sides::Both && self.number.is_multiple_of(2)
    }

    /// Whether this is the back of a sheet whose front says the same, or more.
    fn repeats_front(&self, mark: &Mark) -> bool {
        let front = self.before.and_then(mark_of);
        self.is_back() && front.is_some_and(|(front, _)| front == *mark || *mark == Mark::Separator)
    }

    /// Whether this is the blank back of the sheet that began the part.
    fn is_blank_back(&self, part: &Part) -> bool {
        let follows = part.pages.is_empty() && part.cover_page == Some(self.number - 1);
        let may_be_back = self.sides == Sides::Unknown || self.is_back();
        self.page.blank && follows && may_be_back
    }

    /// The part that this page's mark begins. A blank front of its sheet is taken back from the part before.
    fn begin(&self, mark: Mark, sure: bool, last: &mut Part, left_out: &mut Vec<u32>) -> Part {
        left_out.push(self.number);
        let front = Some(self.number - 1).filter(|_| self.is_back());
        let is_cover = matches!(last.mark, Some(Mark::Cover(_)));
        let mut unsure = !sure || front.is_some() && front == last.cover_page && is_cover;
        if let Some(front) = front.filter(|front| last.pages.last() == Some(front)) {
            if last.blank.last() == Some(&front) {
                last.pages.pop();
                last.blank.pop();
                left_out.push(front);
            } else {
                unsure = true;
            }
        }
        Part { mark: Some(mark), cover_page: Some(self.number), unsure, ..Part::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::{PageSeen, Part, Plan, Sides, plan};
    use crate::reading::stack::cover::{Cover, FormMark, Mark};

    fn cover(kind: &str) -> Mark {
        Mark::Cover(Cover::new("01j8z6w3q9v5n4m2k7h0g1f8d6", kind).unwrap())
    }

    fn form(number: &str) -> Mark {
        Mark::Form(FormMark::new("01j8z6w3q9v5n4m2k7h0g1f8d6", number).unwrap())
    }

    /// A letter is a page: `a`, `b`: covers; `F`, `G`: forms; `X`: a form and a cover; `s`: a separator; `x`: both covers; `t`: cover a and a separator; `_`: blank; `.`: text.
    fn seen(stack: &str) -> Vec<PageSeen> {
        let page = |letter: char| {
            let marks = match letter {
                'a' | 'b' => vec![cover(&letter.to_string())],
                'F' | 'G' => vec![form(&letter.to_string())],
                'X' => vec![form("F"), cover("a")],
                's' => vec![Mark::Separator],
                'x' => vec![cover("a"), cover("b")],
                't' => vec![Mark::Separator, cover("a"), cover("a")],
                _ => Vec::new(),
            };
            PageSeen { marks, blank: letter == '_' }
        };
        stack.chars().map(page).collect()
    }

    /// Each part as its mark, `?` if unsure, and its pages; then the pages left out.
    fn said(plan: &Plan) -> String {
        let part = |part: &Part| {
            let mark = match &part.mark {
                None => "-",
                Some(Mark::Separator) => "s",
                Some(Mark::Cover(cover)) => cover.kind(),
                Some(Mark::Form(form)) => form.number(),
            };
            let page = |page: &u32| format!(" {page}{}", if part.blank.contains(page) { "_" } else { "" });
            let pages: String = part.pages.iter().map(page).collect();
            format!("{mark}{}{pages}", if part.unsure { "?" } else { "" })
        };
        let parts: Vec<_> = plan.parts.iter().map(part).collect();
        format!("{} / {:?}", parts.join(", "), plan.left_out)
    }

    #[track_caller]
    fn assert_plan(stack: &str, sides: Sides, expected: &str) {
        let pages = seen(stack);
        let plan = plan(&pages, sides);
        assert_eq!(said(&plan), expected);
        let mut all: Vec<u32> = plan.parts.iter().flat_map(|part| part.pages.clone()).collect();
        all.extend(&plan.left_out);
        all.sort_unstable();
        assert!(all.iter().copied().eq(1..=pages.len() as u32), "{all:?}");
    }

    #[test]
    fn pages_follow_their_cover() {
        assert_plan("a..b...", Sides::Unknown, "a 2 3, b 5 6 7 / [1, 4]");
        assert_plan("..a.", Sides::Unknown, "- 1 2, a 4 / [3]");
        assert_plan("a._.", Sides::Unknown, "a 2 3_ 4 / [1]");
    }

    #[test]
    fn without_marks_nothing_is_split() {
        assert_plan("._.", Sides::Unknown, "- 1 2_ 3 / []");
        assert!(!plan(&seen("._."), Sides::Both).splits());
        assert!(plan(&seen(".a"), Sides::Both).splits());
        assert_plan("", Sides::Unknown, " / []");
    }

    #[test]
    fn a_separator_inherits_nothing() {
        assert_plan("a.s.s.", Sides::Unknown, "a 2, s 4, s 6 / [1, 3, 5]");
        assert_plan("ss.s", Sides::Unknown, "s 3 / [1, 2, 4]");
    }

    #[test]
    fn a_cover_without_pages_is_reported() {
        assert_plan("ab.a", Sides::Unknown, "a, b 3, a / [1, 2, 4]");
        assert_plan("aa.", Sides::One, "a, a 3 / [1, 2]");
        assert_plan("as.", Sides::Unknown, "a, s 3 / [1, 2]");
    }

    #[test]
    fn a_sheets_blank_side_goes_with_it() {
        assert_plan("a_._", Sides::Unknown, "a 3 4_ / [1, 2]");
        assert_plan("a_..", Sides::Both, "a 3 4 / [1, 2]");
        assert_plan("a_.", Sides::One, "a 2_ 3 / [1]");
        assert_plan("a__.", Sides::Unknown, "a 3_ 4 / [1, 2]");
        assert_plan(".__a..", Sides::Both, "- 1 2_, a 5 6 / [3, 4]");
        assert_plan("._a.", Sides::Unknown, "- 1 2_, a 4 / [3]");
        assert_plan("._.a_.", Sides::Both, "- 1 2_ 3, a? 5_ 6 / [4]");
    }

    #[test]
    fn both_sides_may_carry_the_mark() {
        assert_plan("aa..", Sides::Both, "a 3 4 / [1, 2]");
        assert_plan("ss..", Sides::Both, "s 3 4 / [1, 2]");
        assert_plan("ab..", Sides::Both, "a, b? 3 4 / [1, 2]");
        assert_plan("as..", Sides::Both, "a 3 4 / [1, 2]");
        assert_plan("sa..", Sides::Both, "a 3 4 / [1, 2]");
        assert_plan("a.aa..", Sides::Both, "a 2, a 5 6 / [1, 3, 4]");
    }

    #[test]
    fn a_forms_pages_are_its_own_and_nothing_else_is() {
        assert_plan("F", Sides::Unknown, "F 1 / []");
        assert_plan("FF_G", Sides::Unknown, "F 1 2 3_, G 4 / []");
        assert_plan("F_F_.", Sides::Both, "F 1 2_ 3 4_, - 5 / []");
        assert_plan("F..a.", Sides::Unknown, "F 1, - 2 3, a 5 / [4]");
        assert_plan("a.F.", Sides::Unknown, "a 2, F 3, - 4 / [1]");
        assert_plan("Fs.", Sides::Unknown, "F 1, s 3 / [2]");
        assert_plan("X.", Sides::Unknown, "F? 1, - 2 / []");
    }

    #[test]
    fn contradicting_marks_are_unsure() {
        assert_plan("x.b.", Sides::Unknown, "a? 2, b 4 / [1, 3]");
        assert_plan("t.", Sides::Unknown, "a 2 / [1]");
        assert_plan(".a..", Sides::Both, "- 1, a? 3 4 / [2]");
    }
}
