//! Calls and keywords with a grammar of their own: CAST, CASE, EXTRACT, TRIM, SUBSTRING FROM, INTERVAL ...

use super::ast::Ast;
use super::lexer::Lexeme;
use super::literal::{boolean, integer, null, text};
use super::parser::Parser;
use crate::error::Result;

/// Functions whose first argument may be a bare unit such as DAY.
const UNIT_FUNCTIONS: [&str; 6] =
    ["timestampadd", "timestampdiff", "dateadd", "date_add", "datediff", "date_diff"];

impl Parser<'_> {
    /// A constant, CASE or another word that begins no name.
    pub(super) fn keyword(&mut self) -> Result<Option<Ast>> {
        let Lexeme::Name { text: word, .. } = self.peek() else { return Ok(None) };
        let constant = match word.to_lowercase().as_str() {
            "null" => null(),
            "true" => boolean(true),
            "false" => boolean(false),
            "case" if !matches!(self.peek_at(1), Lexeme::End) => {
                self.advance();
                return self.case().map(Some);
            }
            "interval" => return self.interval(),
            "date" | "timestamp" | "timestamp_ntz" | "timestamp_ltz" | "time" => return self.typed_string(),
            _ => return Ok(None),
        };
        self.advance();
        Ok(Some(constant))
    }

    fn case(&mut self) -> Result<Ast> {
        let operand = if self.is_word("when") { None } else { Some(self.expression()?) };
        let mut branches = Vec::new();
        while self.eat_word("when") {
            let test = self.expression()?;
            self.expect_word("then")?;
            let value = self.expression()?;
            let test = match &operand {
                Some(operand) => Ast::call("=", vec![operand.clone(), test]),
                None => test,
            };
            branches.push((test, value));
        }
        if branches.is_empty() {
            return self.refuse("WHEN");
        }
        let otherwise = if self.eat_word("else") { Some(Box::new(self.expression()?)) } else { None };
        self.expect_word("end")?;
        Ok(Ast::Case { branches, otherwise })
    }

    /// A call whose arguments are not a plain list; its parenthesis is open. None: it is a plain list.
    pub(super) fn special_call(&mut self, name: &str) -> Result<Option<Ast>> {
        let lower = name.to_lowercase();
        match lower.as_str() {
            "cast" | "try_cast" => {
                let value = Box::new(self.expression()?);
                self.expect_word("as")?;
                let to = self.data_type()?;
                self.expect_symbol(")")?;
                Ok(Some(Ast::Cast { value, to, lenient: lower == "try_cast" }))
            }
            "extract" => self.extract().map(Some),
            "trim" => self.trim(),
            "substring" | "substr" => self.substring(&lower),
            "position" => self.position(),
            "overlay" => self.overlay(),
            _ if UNIT_FUNCTIONS.contains(&lower.as_str()) => self.unit_call(name),
            _ => Ok(None),
        }
    }

    fn extract(&mut self) -> Result<Ast> {
        let field = match self.advance() {
            Lexeme::Name { text, .. } | Lexeme::Text(text) => text,
            _ => return self.refuse("a field such as YEAR"),
        };
        self.expect_word("from")?;
        let source = self.expression()?;
        self.expect_symbol(")")?;
        Ok(Ast::call("extract", vec![text(&field), source]))
    }

    fn trim(&mut self) -> Result<Option<Ast>> {
        let sides = [("both", "trim"), ("leading", "ltrim"), ("trailing", "rtrim")];
        let side = sides.iter().find(|(word, _)| {
            self.is_word(word) && !matches!(self.peek_at(1), Lexeme::Symbol(s) if s == ")" || s == ",")
        });
        let Some((_, function)) = side else {
            let start = self.mark();
            let what = self.expression()?;
            if self.eat_word("from") {
                let source = self.expression()?;
                self.expect_symbol(")")?;
                return Ok(Some(Ast::call("trim", vec![what, source])));
            }
            self.reset(start);
            return Ok(None);
        };
        self.advance();
        if self.eat_word("from") {
            let source = self.expression()?;
            self.expect_symbol(")")?;
            return Ok(Some(Ast::call(function, vec![source])));
        }
        let what = self.expression()?;
        self.expect_word("from")?;
        let source = self.expression()?;
        self.expect_symbol(")")?;
        Ok(Some(Ast::call(function, vec![what, source])))
    }

    fn substring(&mut self, name: &str) -> Result<Option<Ast>> {
        let start = self.mark();
        let source = self.expression()?;
        if !self.eat_word("from") {
            self.reset(start);
            return Ok(None);
        }
        let mut arguments = vec![source, self.expression()?];
        if self.eat_word("for") {
            arguments.push(self.expression()?);
        }
        self.expect_symbol(")")?;
        Ok(Some(Ast::call(name, arguments)))
    }

    fn position(&mut self) -> Result<Option<Ast>> {
        let start = self.mark();
        let what = self.primary()?;
        if !self.eat_word("in") {
            self.reset(start);
            return Ok(None);
        }
        let source = self.expression()?;
        self.expect_symbol(")")?;
        Ok(Some(Ast::call("locate", vec![what, source, integer(1)])))
    }

    fn overlay(&mut self) -> Result<Option<Ast>> {
        let start = self.mark();
        let source = self.expression()?;
        if !self.eat_word("placing") {
            self.reset(start);
            return Ok(None);
        }
        let mut arguments = vec![source, self.expression()?];
        self.expect_word("from")?;
        arguments.push(self.expression()?);
        arguments.push(if self.eat_word("for") { self.expression()? } else { integer(-1) });
        self.expect_symbol(")")?;
        Ok(Some(Ast::call("overlay", arguments)))
    }

    /// `timestampadd(DAY, n, t)`: the unit becomes a string. The forms of two arguments have no unit.
    fn unit_call(&mut self, name: &str) -> Result<Option<Ast>> {
        let bare = matches!(self.peek(), Lexeme::Name { .. })
            && matches!(self.peek_at(1), Lexeme::Symbol(symbol) if symbol == ",");
        let start = self.mark();
        if !bare {
            return Ok(None);
        }
        let unit = self.name()?;
        self.advance();
        let mut arguments = vec![text(&unit.to_uppercase())];
        arguments.extend(self.arguments()?);
        if arguments.len() != 3 {
            self.reset(start);
            return Ok(None);
        }
        let function = if name.to_lowercase().ends_with("diff") { "timestampdiff" } else { "timestampadd" };
        Ok(Some(Ast::call(function, arguments)))
    }
}
