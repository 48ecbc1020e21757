//! Who runs a command, where and under which settings, as it was when the command began.

use crate::document::settings::{self, SEARCH_PATH, SETTINGS, Settings, USUAL_PATH};
use crate::document::{Nesting, RunAs};
use crate::pg::catalog::rights;
use crate::pg::catalog::role::Role;
use crate::pg::catalog::running_role::{self, Who};
use crate::pg::catalog::search_path::{self, Path};
use crate::pg::runtime::custom_settings::Watching;
use crate::pg::runtime::setting::{self, Of, Watched};
use crate::pg::runtime::{error_context, session, text};
use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;

/// A longer one is not recorded: each row would have it.
const LONGEST_PATH: usize = 8192;

thread_local! {
    static LAST: RefCell<Option<Last>> = const { RefCell::new(None) };
}

/// The settings of the last command, with what tells whether they still hold.
struct Last {
    watched: Watched,
    settings: Rc<Settings>,
    reset: Rc<Settings>,
}

impl Last {
    fn begin() -> Self {
        let names = || SETTINGS.iter().map(|(name, _)| *name);
        let of_session = names().map(|name| (name, Of::Session));
        let of_reset = names().chain([SEARCH_PATH]).map(|name| (name, Of::Reset));
        let mut last = Last {
            watched: Watched::new(of_session.chain(of_reset)),
            settings: Rc::default(),
            reset: Rc::default(),
        };
        last.read();
        last
    }

    fn read(&mut self) {
        let settings = read_settings();
        self.reset = Rc::new(read_reset_values(&settings));
        self.settings = Rc::new(settings);
    }
}

/// The settings of this moment, and reset values. Reading them anew with each command would cost more than its row.
fn settings() -> (Rc<Settings>, Rc<Settings>) {
    LAST.with_borrow_mut(|last| {
        let last = last.get_or_insert_with(Last::begin);
        if last.watched.have_changed() {
            last.read();
        }
        (Rc::clone(&last.settings), Rc::clone(&last.reset))
    })
}

fn read_settings() -> Settings {
    SETTINGS
        .iter()
        .filter_map(|&(name, default)| {
            let value = session::setting(name).filter(|value| *value != default)?;
            Some((name.to_str().ok()?.into(), text::decode(&value)))
        })
        .collect()
}

/// The reset values that differ from the value of the session, and that of search_path where it is not the usual one.
fn read_reset_values(settings: &Settings) -> Settings {
    let differing = SETTINGS.iter().filter_map(|&(name, default)| {
        let reset = setting::reset_value(name)?;
        let name = name.to_str().ok()?;
        let differs = match settings.get(name) {
            Some(value) => *text::encode(value) != *reset,
            None => *default != *reset,
        };
        differs.then(|| (name.into(), text::decode(&reset)))
    });
    let path = setting::reset_value(SEARCH_PATH)
        .filter(|path| path != USUAL_PATH && path.len() <= LONGEST_PATH)
        .map(|path| ("search_path".into(), text::decode(&path)));
    differing.chain(path).collect()
}

pub struct Context {
    /// The role whose rights the command has, and that of the session.
    pub who: Rc<Who>,
    pub search_path: Path,
    pub settings: Rc<Settings>,
    pub reset: Rc<Settings>,
    /// Whether code that asks the session may run.
    pub calls_functions: bool,
    /// Which custom settings the command reads, if it may read any.
    pub watching: Option<Watching>,
    pub nesting: Nesting,
    pub standard_conforming_strings: bool,
}

impl Context {
    /// Where the user puts schemas before pg_catalog, a type of his may hide one of PostgreSQL's.
    pub fn may_hide_pg_catalog(&self) -> bool {
        self.search_path
            .iter()
            .skip(1)
            .any(|schema| schema == "pg_catalog")
    }

    /// Where the statement is to run as another role than that of the command.
    pub fn run_as(&self, role: Role) -> Option<RunAs> {
        let name = role.name()?;
        (self.who.username.as_ref() != Some(&name)).then(|| RunAs {
            role: name,
            superuser: role.is_superuser(),
            rights: rights::of(role).to_vec(),
        })
    }

    pub fn watching(self, is_wanted: bool) -> Self {
        Context {
            calls_functions: is_wanted,
            watching: is_wanted.then(Watching::begin),
            ..self
        }
    }

    /// With the custom settings that the command has read so far.
    pub fn settings(&self) -> Cow<'_, Settings> {
        let read = (self.watching.as_ref()).map_or_else(Vec::new, Watching::read);
        let mut settings = Cow::Borrowed(&*self.settings);
        for (name, value) in read {
            settings.to_mut().insert(name.into(), text::decode(&value));
        }
        settings
    }

    /// The context of the running session at this moment.
    pub fn of_session(nested: bool) -> Self {
        let (settings, reset) = settings();
        Context {
            who: running_role::who(),
            search_path: search_path::effective(),
            standard_conforming_strings: settings::standard_conforming_strings(&settings),
            settings,
            reset,
            calls_functions: true,
            watching: None,
            nesting: if nested {
                Nesting::nested(error_context::lines())
            } else {
                Nesting::top()
            },
        }
    }
}
