//! `kafka.sasl.jaas.config`: user name and password of Kafka's PLAIN and SCRAM login modules. Logs in nowhere.

use super::client_keys::Setting;
use crate::error::{Error, Result};

const MODULES: [&str; 2] = [
    "org.apache.kafka.common.security.plain.PlainLoginModule",
    "org.apache.kafka.common.security.scram.ScramLoginModule",
];

/// Reads `org...PlainLoginModule required username="u" password="p";`. Errors do not repeat the text: it holds a
/// password.
pub fn settings(text: &str) -> Result<Vec<Setting>> {
    let refuse = |why: String| {
        Error::user(format!("cannot read kafka.sasl.jaas.config: {why}")).hint(format!(
            "write `{} required username=\"NAME\" password=\"SECRET\";` or the same with ScramLoginModule",
            MODULES[0]
        ))
    };
    let text = text.trim().trim_end_matches(';').trim_end();
    let (module, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    if !MODULES.contains(&module) {
        return Err(refuse("only the login modules of PLAIN and SCRAM are known".into()));
    }
    let rest = rest.trim_start();
    let rest =
        ["required", "requisite", "sufficient", "optional"].iter().find_map(|flag| rest.strip_prefix(flag));
    let mut rest = rest.ok_or_else(|| refuse("the word `required` is missing".into()))?.trim_start();
    let (mut username, mut password) = (None, None);
    while !rest.is_empty() {
        let (key, value, after) =
            option(rest).ok_or_else(|| refuse("an option is not of the form key=\"value\"".into()))?;
        match key {
            "username" => username = Some(value),
            "password" => password = Some(value),
            other => return Err(refuse(format!("the option `{other}` is not known"))),
        }
        rest = after.trim_start();
    }
    match (username, password) {
        (Some(username), Some(password)) => {
            Ok(vec![("sasl.username".into(), username), ("sasl.password".into(), password)])
        }
        _ => Err(refuse("username or password is missing".into())),
    }
}

/// One `key="value"` or `key=value`: the key, the value without its quotes, and what follows.
fn option(text: &str) -> Option<(&str, String, &str)> {
    let (key, rest) = text.split_once('=')?;
    let Some(quoted) = rest.strip_prefix('"') else {
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        return Some((key.trim(), rest[..end].to_string(), &rest[end..]));
    };
    let (mut value, mut escaped) = (String::new(), false);
    for (at, letter) in quoted.char_indices() {
        match letter {
            '\\' if !escaped => {
                escaped = true;
                continue;
            }
            '"' if !escaped => return Some((key.trim(), value, &quoted[at + 1..])),
            _ => value.push(letter),
        }
        escaped = false;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_and_password_are_found() {
        for (rest, expected) in [
            (r#"required username="u" password="p";"#, Some(("u", "p"))),
            (r#"required   password="a \"b\" \\ c"  username=u ;"#, Some(("u", "a \"b\" \\ c"))),
            (r#"required username="u";"#, None),
            (r#"username="u" password="p";"#, None),
            (r#"required username="u" password="p" tokenauth="true";"#, None),
            (r#"required username="u" password="p"#, None),
        ] {
            let found = settings(&format!("{} {rest}", MODULES[1]));
            let pair = found.as_ref().ok().map(|found| (found[0].1.as_str(), found[1].1.as_str()));
            assert_eq!(pair, expected, "{rest}");
        }
        let error =
            settings("com.sun.security.auth.module.Krb5LoginModule required useKeyTab=true secret=s;");
        assert!(!format!("{:?}", error.unwrap_err()).contains("secret=s"));
    }
}
