//! The wall: a line for each department, with what to look at first said in words.

use ratatui::{buffer::Buffer, layout::Rect};
use shared::model::Workload;

use crate::{
    model::Model,
    theme::{Role, Theme},
    update::wall::Alarm,
};

use super::paint::{age, blank, put, put_right, row};

/// Columns of a number.
const NUMBER: u16 = 9;
/// Columns of the name at least.
const NAME: u16 = 14;
/// Columns of the word at the end.
const ALARM: u16 = 16;

/// Draws the wall over `area`.
pub(super) fn draw(model: &Model, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    blank(buffer, area, theme.style(Role::Text));
    let titles = ["waiting", "longest", "online", "busy", "away", "load"];
    line(
        buffer,
        theme,
        row(area, 0),
        Role::Heading,
        ["DEPARTMENT", ""],
        titles.map(str::to_owned),
    );
    let mut waiting = 0;
    let departments = model.view.departments.values();
    let known = departments.filter_map(|one| Some((one, model.workloads.get(&one.id)?)));
    let mut number = 1;
    for (department, workload) in known {
        let alarm = Alarm::of(workload, model.now);
        let role = if alarm.is_some() {
            Role::Warning
        } else {
            Role::Text
        };
        let oldest = workload.oldest_at.map(|at| age(model.now.since(at)));
        let words = [&*department.name, alarm.map_or("", Alarm::text)];
        let numbers = numbers(workload, oldest);
        line(buffer, theme, row(area, number), role, words, numbers);
        waiting += workload.waiting;
        number += 1;
    }
    if number == 1 {
        let text = "no department has told how it stands yet";
        put(buffer, row(area, 1), 1, text, theme.style(Role::Dim));
    } else if number > 2 {
        // The rest cannot be added up: people work in several departments.
        let mut numbers: [String; 6] = std::array::from_fn(|_| String::new());
        numbers[0] = waiting.to_string();
        let last = row(area, number + 1);
        line(buffer, theme, last, Role::Dim, ["in all", ""], numbers);
    }
}

fn numbers(workload: &Workload, oldest: Option<String>) -> [String; 6] {
    [
        workload.waiting.to_string(),
        oldest.unwrap_or_else(|| "-".to_owned()),
        workload.online.to_string(),
        workload.busy.to_string(),
        workload.away.to_string(),
        format!("{}/{}", workload.load, workload.capacity),
    ]
}

/// The name, the numbers right-aligned in columns as far as there is room, the word at the end.
fn line(
    buffer: &mut Buffer,
    theme: &Theme,
    area: Rect,
    role: Role,
    [name, alarm]: [&str; 2],
    numbers: [String; 6],
) {
    let style = theme.style(role);
    let wide = area.width >= 90;
    let columns = if wide { NUMBER } else { 8 };
    // Name and word come first: as many numbers as they leave room for.
    let shown = (area.width.saturating_sub(NAME + ALARM + 1) / columns).clamp(1, 6);
    let of_numbers = columns * shown;
    let name_columns = area.width.saturating_sub(of_numbers + ALARM + 1);
    let name_area = Rect {
        width: name_columns.min(40) + 1,
        ..area
    };
    put(buffer, name_area, 1, name, style);
    for (index, number) in (0..shown).zip(&numbers) {
        let cell = Rect {
            x: name_area.right() + columns * index,
            width: columns,
            ..area
        };
        put_right(buffer, cell, number, style);
    }
    let after = name_area.right() + of_numbers + 1;
    let room = area.right().saturating_sub(after);
    if room > 0 {
        let cell = Rect {
            x: after,
            width: room,
            ..area
        };
        put(buffer, cell, 0, alarm, style);
    }
}
