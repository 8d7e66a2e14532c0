//! How many departments a desk may have.

use shared::{command::Command, error::ErrorCode, id::DepartmentId, model::Department};

use super::sim::{Sim, department, text, user};
use crate::desk::departments::DEPARTMENTS_MAX;

const OWNER: u64 = 1;

#[test]
fn a_desk_has_so_many_departments_and_no_more() {
    let mut sim = Sim::staffed();
    let one_more = |sim: &Sim| {
        let command = Command::CreateDepartment(department("one more"));
        sim.desk.decide(&user(OWNER), &command, sim.now)
    };
    let like = sim.desk.departments().next().cloned();
    let like = like.expect("a staffed desk has departments");
    let there = sim.desk.departments().count();
    for number in there..DEPARTMENTS_MAX {
        assert!(number % 100 != 0 || one_more(&sim).is_ok(), "{number}");
        let id = DepartmentId(10_000 + number as u64);
        let department = Department {
            id,
            name: text(&format!("d{number}")),
            default: false,
            ..like.clone()
        };
        sim.desk.facts.departments.insert(id, department);
    }
    let full = one_more(&sim).unwrap_err();
    assert_eq!(full.code(), ErrorCode::Conflict);
}
