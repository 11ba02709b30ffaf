//! What is shown when, and that the oldest go first.

use super::{GENERATION, Rows};

#[test]
fn a_row_is_shown_to_others_once_its_transaction_is_committed_and_to_the_writer_before() {
    let rows = Rows::default();
    rows.write(1, Some("first"));
    assert_eq!((rows.committed(1), rows.latest(1)), (None, Some("first")));
    rows.publish();
    assert_eq!((rows.committed(1), rows.latest(1)), (Some("first"), Some("first")));
    rows.write(1, Some("second"));
    assert_eq!((rows.committed(1), rows.latest(1)), (Some("first"), Some("second")));
}

#[test]
fn what_was_rolled_back_was_never_there() {
    let rows = Rows::default();
    rows.write(1, Some("first"));
    rows.publish();
    rows.write(1, Some("second"));
    rows.write(2, Some("new"));
    rows.discard();
    rows.publish();
    assert_eq!((rows.latest(1), rows.committed(1), rows.committed(2)), (Some("first"), Some("first"), None));
}

#[test]
fn a_row_that_is_no_longer_kept_is_gone_for_the_writer_at_once_and_for_all_after_the_commit() {
    let rows = Rows::default();
    rows.write(1, Some("row"));
    rows.publish();
    rows.write(1, None);
    assert_eq!((rows.latest(1), rows.committed(1)), (None, Some("row")));
    rows.publish();
    assert_eq!((rows.latest(1), rows.committed(1)), (None, None));
}

#[test]
fn the_latest_rows_stay_and_the_oldest_go() {
    let rows = Rows::default();
    for row in 0..GENERATION * 4 {
        rows.write(row, Some(row));
        rows.publish();
    }
    let last = GENERATION * 4 - 1;
    assert!((0..GENERATION).all(|back| rows.committed(last - back) == Some(last - back)));
    let kept = (0..=last).filter(|row| rows.committed(*row).is_some()).count();
    assert!(kept <= GENERATION * 2, "{kept} rows are kept");
}

#[test]
fn a_row_that_is_written_again_hides_its_older_self_in_both_generations() {
    let rows = Rows::default();
    rows.write(0, Some(0));
    rows.publish();
    for other in 1..=GENERATION {
        rows.write(other, Some(0));
        rows.publish();
    }
    rows.write(0, Some(1));
    rows.publish();
    assert_eq!(rows.committed(0), Some(1));
}
