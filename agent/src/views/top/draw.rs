//! One picture. What is missing is said in words, or shown as `–`: never as zero.

use super::{
    draws,
    history::{History, Point},
    look::Look,
};
use crate::{
    board::{ChainView, DrillView, Snapshot},
    clock::now_ms,
    identity::Enrolment,
    output::ago,
    render,
    status::Report,
    tally::{ChipTally, Tally, answers},
    views::words,
};
use attest::record::ChipState;
use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::{Modifier, Style},
    text::{Line, Span},
    widgets::{Block, Cell, Paragraph, Row, Table, Wrap},
};

/// What to draw.
pub struct View<'a> {
    /// What `status` reads.
    pub report: &'a Report,
    /// The last windows.
    pub history: &'a History,
    /// What the terminal can show.
    pub look: Look,
    /// Chips scrolled past.
    pub scroll: usize,
    /// Why the state folder could not be read.
    pub unreadable: Option<&'a str>,
}

/// Smaller screens get lines alone, the most important first.
const PANELS: (u16, u16) = (64, 20);
/// Two panels side by side.
const SIDE_BY_SIDE: u16 = 96;
/// Rows of a lower panel, its frame included.
const PANEL_ROWS: u16 = 7;

/// Draws everything, to whatever size there is.
pub fn draw(frame: &mut Frame<'_>, view: &View<'_>) {
    let area = frame.area();
    if area.width < PANELS.0 || area.height < PANELS.1 {
        frame.render_widget(Paragraph::new(view.lines()), area);
    } else {
        view.panels(frame, area);
    }
    view.look.adapt(frame.buffer_mut());
}

impl View<'_> {
    fn panels(&self, frame: &mut Frame<'_>, area: Rect) {
        let head = self.head();
        let side_by_side = area.width >= SIDE_BY_SIDE;
        let lower = if side_by_side { 2 * PANEL_ROWS } else { 4 * PANEL_ROWS };
        let drawn = self.drawn_lines();
        let texts = u16::try_from(head.len() + drawn.len()).unwrap_or(u16::MAX);
        // Chips keep a few rows, whatever happens.
        let lower = lower.min(area.height.saturating_sub(texts.saturating_add(8)));
        let rows = [
            Constraint::Length(u16::try_from(head.len()).unwrap_or(1)),
            Constraint::Min(4),
            Constraint::Length(lower),
            Constraint::Length(u16::try_from(drawn.len()).unwrap_or(1)),
            Constraint::Length(1),
        ];
        let [top, chips, below, draws, foot] = Layout::vertical(rows).areas(area);
        frame.render_widget(Paragraph::new(head), top);
        frame.render_widget(Paragraph::new(drawn), draws);
        self.chips(frame, chips);
        let mut panels = [
            ("Log and anchors", self.log_lines()),
            ("Chain", self.chain_lines()),
            ("Drilling", self.drill_lines()),
            ("Trouble and compute power (ECP)", self.power_lines()),
        ];
        // The last ones have no place on a small screen.
        if self.now().is_some_and(|now| !now.troubles.is_empty()) {
            panels.rotate_right(1);
        }
        for ((title, lines), place) in panels.into_iter().zip(places(below, side_by_side)) {
            let panel = Paragraph::new(lines).wrap(Wrap { trim: false });
            frame.render_widget(panel.block(Block::bordered().title(format!(" {title} "))), place);
        }
        frame.render_widget(Paragraph::new(self.foot()), foot);
    }

    /// All of it in lines, the most important first.
    fn lines(&self) -> Vec<Line<'static>> {
        let chips = self.now_log().map(|log| &log.chips[..]).unwrap_or_default();
        let chips = chips.iter().skip(self.scroll).map(|chip| self.chip_line(chip));
        let mut lines = self.head();
        lines.extend(self.trouble_lines());
        lines.extend(chips);
        lines.extend(self.log_lines());
        lines.extend(self.chain_lines());
        lines.extend(self.drill_lines());
        lines.extend(self.drawn_lines());
        lines
    }

    /// What the chain drew of weights and GPUs; nothing while no agent tells.
    fn drawn_lines(&self) -> Vec<Line<'static>> {
        self.now().map(|now| draws::lines(now, self.look)).unwrap_or_default()
    }

    fn now(&self) -> Option<&Snapshot> {
        self.report.now()
    }

    fn now_log(&self) -> Option<&Tally> {
        self.now()?.log.as_ref()
    }

    /// Who, whether it works, and whether any of it is real.
    fn head(&self) -> Vec<Line<'static>> {
        let (verdict, advice) = self.report.verdict();
        let style = match verdict {
            "working" => self.look.good(),
            "not running" => self.look.bad(),
            _ => self.look.doubtful(),
        };
        let mut first = vec![Span::styled(verdict, style.add_modifier(Modifier::BOLD))];
        if let Some(snapshot) = self.now() {
            let up = words::span(now_ms().saturating_sub(snapshot.started_ms));
            first.push(format!("  up {up}, pid {}, version {}", snapshot.pid, snapshot.version).into());
        }
        let machine = match &self.report.identity {
            Some(identity) => {
                let enrolment = match identity.enrolment {
                    Enrolment::None => "not enrolled".into(),
                    Enrolment::Requested { .. } => "enrolment requested".into(),
                    Enrolment::Enrolled { epoch } => format!("enrolled, epoch {epoch}"),
                };
                format!("machine {}, {enrolment}", render::short(&identity.machine))
            }
            None => "no identity in this state folder yet".into(),
        };
        let mut lines = vec![Line::from(first), Line::from(machine)];
        if let Some(recording) = self.now_log().and_then(Tally::replay) {
            let label = format!("REPLAY: what GPUs show is played back, not measured here. {recording}");
            lines.insert(0, Line::styled(label, self.look.bad().add_modifier(Modifier::REVERSED)));
        }
        lines.extend(
            advice.into_iter().map(|advice| Line::styled(format!("→ {advice}"), self.look.doubtful())),
        );
        lines
    }

    fn foot(&self) -> Line<'static> {
        match self.unreadable {
            Some(why) => Line::styled(format!("cannot read the state folder: {why}"), self.look.bad()),
            None => Line::styled("q quit   ↑↓ chips", self.look.faint()),
        }
    }

    fn chips(&self, frame: &mut Frame<'_>, area: Rect) {
        let Some(log) = self.now_log() else {
            let text = match self.report.running {
                Some(_) => "nothing measured yet",
                None => "the agent does not run: nothing is measured now",
            };
            let panel = Paragraph::new(text).style(self.look.doubtful());
            return frame.render_widget(panel.block(Block::bordered().title(" Chips ")), area);
        };
        let columns = Columns::fit(area.width);
        let rows = log.chips.iter().skip(self.scroll).map(|chip| self.chip_row(chip, &columns));
        let hidden = self.scroll.min(log.chips.len());
        let title = match hidden {
            0 => format!(" {} chips, means of the last window ", log.chips.len()),
            hidden => format!(" {} chips, {hidden} scrolled past ", log.chips.len()),
        };
        let table = Table::new(rows, columns.widths())
            .header(columns.header().style(Style::new().add_modifier(Modifier::BOLD)))
            .block(Block::bordered().title(title));
        frame.render_widget(table, area);
    }

    fn chip_row(&self, known: &ChipTally, columns: &Columns) -> Row<'static> {
        let chip = &known.chip;
        let label = format!("{} {}", words::kind(chip.kind), chip.index);
        if !answers(&chip.state) {
            let mut caveat = words::caveat(chip.kind, &chip.state).unwrap_or_default();
            if chip.state != ChipState::Absent {
                caveat.insert_str(0, &format!("{}: ", chip.name));
            }
            let style = if chip.state == ChipState::Absent { self.look.faint() } else { self.look.bad() };
            // Over the columns of readings, which it has none for.
            let cells = [Cell::from(label), Cell::from(caveat).column_span(columns.spanned())];
            return Row::new(cells).style(style);
        }
        let mut cells = vec![Cell::from(label), Cell::from(chip.name.to_string())];
        cells.extend(readings(known).into_iter().map(Cell::from));
        let points: Vec<Point> = self.history.of_chip(chip.kind, chip.index).collect();
        for picture in Picture::ALL.into_iter().take(columns.pictures) {
            cells.push(Cell::from(Line::styled(
                picture.draw(&points, columns.picture_width, self.look),
                self.look.picture(),
            )));
        }
        Row::new(cells)
    }

    fn chip_line(&self, known: &ChipTally) -> Line<'static> {
        let chip = &known.chip;
        let label = format!("{} {} ", words::kind(chip.kind), chip.index);
        if !answers(&chip.state) {
            let caveat = words::caveat(chip.kind, &chip.state).unwrap_or_default();
            return Line::styled(label + &caveat, self.look.bad());
        }
        match known.current() {
            Some(window) => Line::from(label + &render::activity(window)),
            None => Line::styled(label + "no reading", self.look.faint()),
        }
    }

    fn log_lines(&self) -> Vec<Line<'static>> {
        let mut lines = Vec::new();
        match &self.report.log {
            Some(log) => {
                let last = self.now().and_then(|now| now.last_window_ms).or(log.last_ms);
                let last = last.map_or_else(String::new, |ms| format!(", the last window {}", ago(ms)));
                lines.push(Line::from(format!("{} records{last}", words::count(log.size))));
            }
            None => lines.push(Line::styled("no log yet", self.look.doubtful())),
        }
        if self.report.missing > 0 {
            let text = format!("{} records that were signed or anchored are missing", self.report.missing);
            lines.push(Line::styled(text, self.look.bad()));
        }
        let anchors = self.report.anchors();
        match anchors.last() {
            Some(last) => {
                let when = self.now_log().and_then(|log| log.anchor.as_ref());
                let when = when.filter(|seen| seen.counter == last.made.counter);
                let when = when.map_or_else(String::new, |seen| format!(", {}", ago(seen.at_ms)));
                let signed = &last.made.signed;
                lines.push(Line::from(format!(
                    "{} anchors; the last in block {}{when}: {} records, counter {}",
                    anchors.len(),
                    last.at.unwrap_or_default(),
                    words::count(signed.size),
                    last.made.counter
                )));
            }
            None => lines.push(Line::styled("never anchored", self.look.doubtful())),
        }
        if let Some(next) = self.now().and_then(|now| now.next_anchor_ms) {
            lines.push(Line::from(if next <= now_ms() {
                "the next anchor is due".into()
            } else {
                format!("the next anchor {}", ago(next))
            }));
        }
        let gaps = self.now_log().into_iter().flat_map(|log| &log.gaps);
        let gaps: Vec<String> =
            gaps.map(|(reason, gap)| format!("{} × {reason} ({})", gap.count, gap.length())).collect();
        if self.now_log().is_some() {
            let text = if gaps.is_empty() {
                "no gaps in this run".into()
            } else {
                format!("gaps in this run: {}", gaps.join(", "))
            };
            lines.push(Line::from(text));
        }
        lines
    }

    fn chain_lines(&self) -> Vec<Line<'static>> {
        let Some(snapshot) = self.now() else {
            return vec![Line::styled("unknown: the agent does not run", self.look.faint())];
        };
        let ChainView { phase, peers, stall, finalized, best, finalized_seen_ms } = &snapshot.chain;
        let ready = if phase == "ready" { self.look.good() } else { self.look.doubtful() };
        let phase = if phase.is_empty() { "not started yet".into() } else { phase.clone() };
        let mut lines = vec![Line::from(vec![Span::styled(phase, ready), format!(", {peers} peers").into()])];
        lines.extend(stall.iter().map(|stall| Line::styled(stall.clone(), self.look.bad())));
        lines.push(match finalized {
            Some(block) => {
                let seen = finalized_seen_ms.map_or_else(String::new, |ms| format!(" {}", ago(ms)));
                let best = best.map_or_else(String::new, |best| format!(", best block {best}"));
                Line::from(format!("block {block} final{seen}{best}"))
            }
            None => Line::styled("no finalised block seen yet", self.look.faint()),
        });
        lines.push(match &snapshot.machine {
            Some(machine) => {
                let style = if machine.standing == "active" { self.look.good() } else { self.look.bad() };
                Line::from(vec![
                    Span::styled(machine.standing.clone(), style),
                    format!(
                        ", level {}, epoch {}; {} records anchored",
                        machine.level,
                        machine.epoch,
                        words::count(machine.anchored)
                    )
                    .into(),
                ])
            }
            None => Line::styled("this machine on chain: not read yet, or not enrolled", self.look.faint()),
        });
        lines.extend(
            snapshot.machine.as_ref().map(|machine| Line::from(format!("due by block {}", machine.due))),
        );
        let owed = snapshot
            .outbox
            .iter()
            .map(|owed| format!("{} ({}, attempt {})", owed.kind, owed.state, owed.attempts));
        let owed: Vec<String> = owed.collect();
        lines.push(Line::from(if owed.is_empty() {
            "nothing owed to the chain".into()
        } else {
            format!("owed: {}", owed.join(", "))
        }));
        lines
    }

    fn drill_lines(&self) -> Vec<Line<'static>> {
        let Some(snapshot) = self.now() else {
            return vec![Line::styled("unknown: the agent does not run", self.look.faint())];
        };
        let Some(drill) = &snapshot.drill else {
            return vec![Line::styled("off, or not started yet", self.look.faint())];
        };
        let DrillView { tasks, questions, agreed, forfeited, convicted, .. } = drill;
        let mut lines = vec![Line::from(format!(
            "{tasks} tasks open, {agreed} agreed, {forfeited} forfeited, {questions} questions"
        ))];
        if *convicted > 0 {
            lines.push(Line::styled(format!("convicted {convicted} times"), self.look.bad()));
        }
        let held = drill.held.iter().chain(&drill.bond).chain(&drill.no_supply).chain(&drill.better_class);
        lines.extend(held.map(|why| Line::styled(why.clone(), self.look.doubtful())));
        for engine in &drill.engines {
            lines.push(match &engine.lost {
                Some(why) => Line::styled(format!("{} lost: {why}", engine.name), self.look.bad()),
                None => Line::from(format!("{} at work on {} tasks", engine.name, drill.working_on.len())),
            });
        }
        if let Some(first) = drill.passed_over.first() {
            let text = format!("{} tasks passed over: {}", drill.passed_over.len(), first.why);
            lines.push(Line::styled(text, self.look.doubtful()));
        }
        if let Some(log) = self.now_log() {
            lines.push(Line::from(format!(
                "this run: {} tasks done, worth {}",
                log.drills.tasks,
                words::ut(log.drills.micro_ut)
            )));
        }
        lines
    }

    fn power_lines(&self) -> Vec<Line<'static>> {
        let mut lines = self.trouble_lines();
        lines.extend(match self.now().and_then(|now| now.power) {
            Some(power) => {
                let away = if power.counts { "" } else { "; does not count now" };
                vec![
                    Line::from(format!("effective {}{away}", words::ut(power.effective))),
                    Line::from(format!(
                        "drilling {} lately, {} ever",
                        words::ut(power.drilling),
                        words::ut(power.drilling_total)
                    )),
                    Line::from(format!("training {} lately", words::ut(power.training))),
                ]
            }
            None => vec![Line::styled("no compute power credited, as far as is known", self.look.faint())],
        });
        lines
    }

    fn trouble_lines(&self) -> Vec<Line<'static>> {
        let Some(snapshot) = self.now() else { return Vec::new() };
        let line = |(part, trouble): (&crate::board::Part, &crate::board::Trouble)| {
            let text = format!("{}: {} (since {})", part.name(), trouble.what, ago(trouble.since_ms));
            Line::styled(text, self.look.bad())
        };
        snapshot.troubles.iter().map(line).collect()
    }
}

/// Where the lower panels go: two by two, or one below the other as far as there is room.
fn places(area: Rect, side_by_side: bool) -> Vec<Rect> {
    if !side_by_side {
        let rows = usize::from(area.height / 4).clamp(1, 4);
        return Layout::vertical(vec![Constraint::Fill(1); rows]).split(area).to_vec();
    }
    let halves = Layout::vertical([Constraint::Fill(1); 2]).split(area);
    let across = |half: &Rect| Layout::horizontal([Constraint::Fill(1); 2]).split(*half).to_vec();
    halves.iter().flat_map(across).collect()
}

/// Busy, tensor units, power, temperature, memory: as text, `–` where the chip does not tell.
fn readings(known: &ChipTally) -> [String; 5] {
    let window = known.current();
    let told = |value: Option<String>| value.unwrap_or_else(|| "–".into());
    let memory = window.and_then(|window| window.memory_used_mib).map(words::mib);
    [
        told(window.and_then(words::load).map(|busy| words::percent(busy) + " %")),
        told(window.and_then(|window| window.tensor).map(|tensor| words::percent(tensor) + " %")),
        told(window.and_then(|window| window.power_mw).map(|power| format!("{} W", power / 1000))),
        told(window.and_then(|window| window.temperature).map(|degrees| format!("{degrees} °C"))),
        told(memory),
    ]
}

/// What little pictures show.
#[derive(Debug, Clone, Copy)]
enum Picture {
    Busy,
    Tensor,
    Power,
}

impl Picture {
    const ALL: [Self; 3] = [Self::Busy, Self::Tensor, Self::Power];

    fn draw(self, points: &[Point], width: u16, look: Look) -> String {
        let shown = points.iter().rev().take(width.into()).rev();
        let whole = match self {
            Self::Busy | Self::Tensor => 1000,
            // Against the highest that is shown.
            Self::Power => shown.clone().filter_map(|point| point.power).max().unwrap_or(0).into(),
        };
        let value = |point: &Point| match self {
            Self::Busy => point.busy.map(u64::from),
            Self::Tensor => point.tensor.map(u64::from),
            Self::Power => point.power.map(u64::from),
        };
        // What a chip never tells is not worth a row of dots.
        if shown.clone().all(|point| value(point).is_none()) {
            return String::new();
        }
        shown.map(|point| look.bar(value(point), whole)).collect()
    }
}

/// What fits: names, five readings, and as many pictures as there is room for.
struct Columns {
    name: u16,
    pictures: usize,
    picture_width: u16,
}

/// The five readings' widths, and their names.
const READINGS: [(&str, u16); 5] = [("busy", 8), ("tensor", 8), ("power", 7), ("temp", 7), ("memory", 9)];
const LABEL: u16 = 9;

impl Columns {
    fn fit(width: u16) -> Self {
        let fixed = LABEL + READINGS.iter().map(|(_, width)| width + 1).sum::<u16>() + 3;
        let room = width.saturating_sub(fixed);
        let pictures = match room {
            0..30 => 0,
            30..70 => 1,
            70..110 => 2,
            _ => 3,
        };
        let name = match pictures {
            0 => room.max(1),
            1 => (room / 2).clamp(14, 28),
            _ => (room / 3).clamp(14, 32),
        };
        let rest = room.saturating_sub(name);
        let picture_width = rest.checked_div(pictures).unwrap_or(0).saturating_sub(1).min(120);
        Self { name, pictures: pictures.into(), picture_width }
    }

    fn widths(&self) -> Vec<Constraint> {
        let readings = READINGS.iter().map(|(_, width)| *width);
        let pictures = std::iter::repeat_n(self.picture_width, self.pictures);
        [LABEL, self.name].into_iter().chain(readings).chain(pictures).map(Constraint::Length).collect()
    }

    /// Columns after the label.
    fn spanned(&self) -> u16 {
        u16::try_from(1 + READINGS.len() + self.pictures).unwrap_or(u16::MAX)
    }

    fn header(&self) -> Row<'static> {
        let names = ["busy, lately", "tensor, lately", "power, lately"];
        let readings = READINGS.iter().map(|(name, _)| *name);
        Row::new(["chip", "name"].into_iter().chain(readings).chain(names.into_iter().take(self.pictures)))
    }
}
