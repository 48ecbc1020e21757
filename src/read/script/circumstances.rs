//! The session of the destination while a command runs: role, search_path, settings, and who asks whether it is that role.

use super::psql::*;
use crate::document::Document;
use crate::document::settings::{self, Settings};
use crate::pg::runtime::{custom_settings, text};

/// Whose rights the statement has.
pub struct Author<'a> {
    pub role: Vec<u8>,
    pub superuser: bool,
    pub rights: &'a [String],
}

impl<'a> Author<'a> {
    pub fn new(username: &[u8], recorded: &'a Document<'_>) -> Self {
        let (role, superuser, rights) = recorded.author();
        Author {
            role: role.map_or_else(|| username.to_vec(), |role| text::encode(role).into_owned()),
            superuser,
            rights,
        }
    }
}

/// Who runs a command, where and under which settings but locales.
pub struct Session<'a> {
    pub settings: &'a Settings,
    pub search_path: &'a [String],
    pub session_user: Option<Vec<u8>>,
    /// Whether the command makes something with the access method that is set.
    pub needs_access_method: bool,
    pub author: &'a Author<'a>,
    /// Of an ordinary role: the psql variable that tells whether the session's role is that one.
    pub is_own: Option<String>,
}

impl Session<'_> {
    /// An error where an ordinary role may do more here than it could on the source.
    pub fn ask(&self, script: &mut Vec<u8>) {
        if let Some(is_own) = &self.is_own {
            add(script, &format!("\\if :{is_own}\n\\else\nSELECT "));
            self.add_may(script);
            add(script, " \\gset dts_\n\\endif\n");
        }
    }

    /// Sets the psql variable that tells whether the session has become the role, and if asked, whether that may do no more
    /// here.
    pub fn ask_role(&self, script: &mut Vec<u8>, with_rights: bool) {
        add(script, "SELECT current_user OPERATOR(pg_catalog.=) ");
        add_constant(script, &self.author.role);
        if with_rights {
            add(script, " AND ");
            self.add_may(script);
        }
        add(script, " AS ok \\gset dts_\n");
    }

    fn add_may(&self, script: &mut Vec<u8>) {
        add(script, ":\"dts_schema\".may(");
        add_constant(script, &self.author.role);
        for right in self.author.rights {
            add(script, ", ");
            add_constant(script, &text::encode(right));
        }
        add(script, ")");
    }

    /// The role comes last, as it might not be allowed to do the rest, but before what its own commands have set.
    pub fn set(&self, script: &mut Vec<u8>, set: &str) {
        for (name, value) in self.settings {
            if settings::LOCALES.contains(&&**name) || custom_settings::is_custom(name) {
                continue;
            }
            if settings::names_an_object(name)
                && !(self.needs_access_method && name == settings::ACCESS_METHOD)
            {
                add_if_known(script, name, &text::encode(value), set == "SET LOCAL");
            } else {
                add_setting(script, set, name, value);
            }
        }
        add(script, &format!("{set} search_path TO "));
        let mut path = settings::path_elsewhere(self.search_path);
        match path.next() {
            Some(first) => {
                add_identifier(script, &text::encode(first));
                for schema in path {
                    add(script, ", ");
                    add_identifier(script, &text::encode(schema));
                }
            }
            None => add(script, "''"),
        }
        add(script, ";\n");
        if let Some(user) = &self.session_user {
            add(script, &format!("{set} SESSION AUTHORIZATION "));
            add_identifier(script, user);
            add(script, ";\n");
        }
        if let Some(role) = self.role_to_set() {
            add(script, &format!("{set} ROLE "));
            add_identifier(script, role);
            add(script, ";\n");
        }
        self.set_custom(script, set);
    }

    /// What the role may not set is an error.
    fn set_custom(&self, script: &mut Vec<u8>, set: &str) {
        for (name, value) in self.settings {
            if custom_settings::is_custom(name) {
                add_setting(script, set, name, value);
            }
        }
    }

    fn role_to_set(&self) -> Option<&[u8]> {
        let role = self.author.role.as_slice();
        (self.session_user.as_deref() != Some(role)).then_some(role)
    }

    /// Undoes `set` with SET.
    pub fn reset(&self, script: &mut Vec<u8>) {
        if self.role_to_set().is_some() {
            add(script, "SET ROLE NONE;\n");
        }
        if self.session_user.is_some() {
            // the owner of the database may have set a role for its sessions
            add(script, "RESET SESSION AUTHORIZATION;\nSET ROLE NONE;\n");
        }
        add(script, "RESET search_path;\n");
        for name in self.settings.keys() {
            if settings::LOCALES.contains(&&**name) {
                continue;
            }
            match settings::defaults().find(|(known, _)| known == name) {
                Some((_, default)) => add_setting(script, "SET", name, default),
                None => {
                    add(script, "RESET ");
                    add_identifier(script, &text::encode(name));
                    add(script, ";\n");
                }
            }
        }
    }
}

/// `SET name TO value`, if need be only where the server knows it.
fn add_setting(script: &mut Vec<u8>, set: &str, name: &str, value: &str) {
    let value = text::encode(value);
    if settings::is_not_in_every_major(name) {
        add(
            script,
            &format!("SELECT pg_catalog.format('{set} %I TO %L', s.name, "),
        );
        add_constant(script, &value);
        add(
            script,
            &format!(
                ") FROM pg_catalog.pg_settings s WHERE s.name OPERATOR(pg_catalog.=) '{name}' \\gexec\n"
            ),
        );
    } else {
        add(script, &format!("{set} "));
        add_identifier(script, &text::encode(name));
        add(script, " TO ");
        add_constant(script, &value);
        add(script, ";\n");
    }
}

/// Sets what names a locale or an object where this server knows that; else it stays PostgreSQL's built-in default,
/// which the head has set.
pub fn add_if_known(script: &mut Vec<u8>, name: &str, value: &[u8], is_local: bool) {
    let mut block = Vec::new();
    add(
        &mut block,
        &format!("BEGIN\n  PERFORM pg_catalog.set_config('{name}', "),
    );
    add_constant(&mut block, value);
    add(
        &mut block,
        &format!(
            ", {is_local});\nEXCEPTION WHEN invalid_parameter_value THEN\n  RAISE WARNING '%', pg_catalog.format('{name} cannot be set to \"%s\" here and stays as it is', "
        ),
    );
    add_constant(&mut block, value);
    add(&mut block, ");\nEND");
    add(script, "DO ");
    add_dollar_quoted(script, &block);
    add(script, ";\n");
}
