//! `matrixai-agent top`: chips, log, anchors, drilling, compute power and chain, as they change.

mod draw;
mod draws;
mod history;
mod look;

use crate::{
    config::Config,
    failure::Failure,
    output::{self, Output},
    state_dir::StateDir,
    status::Report,
    views::top::{draw::View, history::History, look::Look},
};
use anyhow::{Context, Result, bail};
use log_store::LogStore;
use ratatui::{
    Terminal,
    backend::TestBackend,
    crossterm::{
        event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers},
        terminal,
    },
};
use std::{
    io::IsTerminal,
    time::{Duration, Instant},
};

/// How often the state folder is read while an agent runs.
const EVERY: Duration = Duration::from_secs(1);
/// Without one, the whole log has to be read.
const SELDOM: Duration = Duration::from_secs(10);
/// What `--once` draws where there is no terminal: columns and rows.
const USUAL: (u16, u16) = (100, 32);

/// What is shown, and where it comes from.
struct Screen {
    state: StateDir,
    report: Report,
    history: History,
    look: Look,
    /// Chips scrolled past.
    scroll: usize,
    /// Why the state folder could not be read.
    unreadable: Option<String>,
    read: Instant,
}

/// Draws until `q`, or once.
pub fn top(config: &Config, once: bool, output: Output) -> Result<()> {
    if output.json {
        return Err(
            Failure::Usage("`top` draws for people; for programs: matrixai-agent status --json").into()
        );
    }
    let terminal = std::io::stdout().is_terminal() && std::io::stdin().is_terminal();
    if !once && !terminal {
        bail!("this is no terminal: take `matrixai-agent top --once`, or `matrixai-agent status`");
    }
    let state = StateDir::new(&config.state_dir);
    let report = Report::glance(&state)?;
    // Once, for what was before; from then on the running agent tells.
    let history = match LogStore::open_read_only(&state.log()) {
        Ok(log) => History::of(&log),
        Err(_) => History::default(),
    };
    let look = Look::of_environment();
    let mut screen =
        Screen { state, report, history, look, scroll: 0, unreadable: None, read: Instant::now() };
    screen.learn();
    if once { screen.print() } else { screen.run() }
}

impl Screen {
    fn view(&self) -> View<'_> {
        View {
            report: &self.report,
            history: &self.history,
            look: self.look,
            scroll: self.scroll,
            unreadable: self.unreadable.as_deref(),
        }
    }

    /// One picture as plain text.
    fn print(&self) -> Result<()> {
        let (columns, rows) =
            if std::io::stdout().is_terminal() { terminal::size().unwrap_or(USUAL) } else { USUAL };
        let text = text(&self.view(), columns, rows)?;
        output::write(&format!("{text}\n"))
    }

    fn run(&mut self) -> Result<()> {
        let mut terminal = ratatui::try_init().context("cannot draw on this terminal")?;
        let outcome = loop {
            if let Err(error) = terminal.draw(|frame| draw::draw(frame, &self.view())) {
                break Err(error.into());
            }
            match self.wait() {
                Ok(true) => {}
                Ok(false) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        ratatui::restore();
        outcome
    }

    /// Until there is something new to draw; false at the end.
    fn wait(&mut self) -> Result<bool> {
        let every = if self.report.now().is_some() { EVERY } else { SELDOM };
        // At least once a second, since ages are shown.
        let patience = every.saturating_sub(self.read.elapsed()).min(EVERY);
        if event::poll(patience)? {
            return Ok(match event::read()? {
                Event::Key(key) if key.kind != KeyEventKind::Release => self.press(key),
                _ => true,
            });
        }
        if self.read.elapsed() >= every {
            self.refresh();
        }
        Ok(true)
    }

    fn press(&mut self, key: KeyEvent) -> bool {
        let chips = self.report.now().and_then(|now| now.log.as_ref()).map_or(0, |log| log.chips.len());
        match key.code {
            KeyCode::Char('q') | KeyCode::Esc => return false,
            KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => return false,
            KeyCode::Down | KeyCode::Char('j') => {
                self.scroll = (self.scroll + 1).min(chips.saturating_sub(1))
            }
            KeyCode::Up | KeyCode::Char('k') => self.scroll = self.scroll.saturating_sub(1),
            _ => {}
        }
        true
    }

    fn refresh(&mut self) {
        self.read = Instant::now();
        match Report::glance(&self.state) {
            Ok(report) => {
                self.report = report;
                self.unreadable = None;
                self.learn();
            }
            Err(error) => self.unreadable = Some(format!("{error:#}")),
        }
    }

    fn learn(&mut self) {
        let windows =
            self.report.now().and_then(|now| now.log.as_ref()).into_iter().flat_map(|log| &log.chips);
        for window in windows.filter_map(|chip| chip.window.as_ref()) {
            self.history.take(window);
        }
    }
}

/// A picture of this size, as text without colours.
fn text(view: &View<'_>, columns: u16, rows: u16) -> Result<String> {
    let mut terminal = Terminal::new(TestBackend::new(columns, rows))?;
    terminal.draw(|frame| draw::draw(frame, view))?;
    let cells = terminal.backend().buffer().content();
    let lines = cells.chunks(usize::from(columns).max(1)).map(|line| {
        let line: String = line.iter().map(|cell| cell.symbol()).collect();
        line.trim_end().to_string()
    });
    Ok(lines.collect::<Vec<_>>().join("\n").trim_end().into())
}

#[cfg(test)]
mod tests;
