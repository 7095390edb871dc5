//! Calls with a plain list of arguments, and the names of types.

use arrow::datatypes::DataType;

use super::ast::{Ast, CallAst};
use super::lexer::Lexeme;
use super::parser::Parser;
use crate::error::{Error, Result};
use crate::record::parse_ddl;

impl Parser<'_> {
    /// Arguments up to the closing parenthesis.
    pub(super) fn arguments(&mut self) -> Result<Vec<Ast>> {
        let mut arguments = Vec::new();
        if self.eat_symbol(")") {
            return Ok(arguments);
        }
        loop {
            arguments.push(self.named_expression()?);
            if !self.eat_symbol(",") {
                break;
            }
        }
        self.expect_symbol(")")?;
        Ok(arguments)
    }

    /// An ordinary call, its parenthesis open.
    pub(super) fn call(&mut self, name: String) -> Result<Ast> {
        if let Some(ast) = self.special_call(&name)? {
            return Ok(ast);
        }
        let distinct = self.eat_word("distinct");
        let (arguments, mut ignore_nulls) = self.call_arguments()?;
        if self.is_word_at(1, "nulls") && (self.is_word("ignore") || self.is_word("respect")) {
            ignore_nulls = self.eat_word("ignore") || !self.eat_word("respect");
            self.advance();
        }
        let mut filter = None;
        if self.is_word("filter") && matches!(self.peek_at(1), Lexeme::Symbol(s) if s == "(") {
            self.advance();
            self.advance();
            self.expect_word("where")?;
            filter = Some(self.expression()?);
            self.expect_symbol(")")?;
        }
        if self.is_word("over") && !matches!(self.peek_at(1), Lexeme::End) {
            return Err(Error::user(
                "[NON_TIME_WINDOW_NOT_SUPPORTED_IN_STREAMING] OVER is not supported on streams",
            )
            .with("expression", self.text)
            .hint("group by window(time, '10 seconds') instead"));
        }
        Ok(Ast::Call(Box::new(CallAst { name, arguments, distinct, filter, ignore_nulls })))
    }

    fn call_arguments(&mut self) -> Result<(Vec<Ast>, bool)> {
        let mut arguments = Vec::new();
        let mut ignore_nulls = false;
        if self.eat_symbol(")") {
            return Ok((arguments, false));
        }
        loop {
            let ignoring = (self.is_word("ignore") || self.is_word("respect")) && self.is_word_at(1, "nulls");
            if !ignoring {
                let argument = self.argument()?;
                arguments.push(argument);
            }
            if (self.is_word("ignore") || self.is_word("respect")) && self.is_word_at(1, "nulls") {
                ignore_nulls = self.is_word("ignore");
                self.advance();
                self.advance();
            }
            if !self.eat_symbol(",") {
                break;
            }
        }
        self.expect_symbol(")")?;
        Ok((arguments, ignore_nulls))
    }

    /// An argument; only `struct` gives it a name.
    fn argument(&mut self) -> Result<Ast> {
        let ast = self.expression()?;
        if self.is_symbol("=>") {
            return Err(Error::user("named arguments are not supported").with("expression", self.text));
        }
        if self.eat_word("as") {
            return Ok(Ast::Alias(Box::new(ast), vec![self.name()?]));
        }
        let ignoring = (self.is_word("ignore") || self.is_word("respect")) && self.is_word_at(1, "nulls");
        if !ignoring && matches!(self.peek(), Lexeme::Name { .. }) {
            return Ok(Ast::Alias(Box::new(ast), vec![self.name()?]));
        }
        Ok(ast)
    }

    /// The name of a type, read by the schema's own rules.
    pub(super) fn data_type(&mut self) -> Result<DataType> {
        let start = self.tokens[self.at].at.start;
        self.skip_type()?;
        let end = self.tokens[self.at - 1].at.end;
        let schema = parse_ddl(&format!("c {}", &self.text[start..end]))?;
        Ok(schema.field(0).data_type().clone())
    }

    fn skip_type(&mut self) -> Result<()> {
        let interval = self.is_word("interval");
        self.name()?;
        if interval {
            while ["year", "month", "day", "hour", "minute", "second", "to"].iter().any(|w| self.is_word(w)) {
                self.advance();
            }
        }
        if self.is_symbol("(") {
            while !self.eat_symbol(")") {
                if self.advance() == Lexeme::End {
                    return self.refuse("`)`");
                }
            }
        }
        let mut depth = 0_usize;
        while depth > 0 || self.is_symbol("<") {
            match self.advance() {
                Lexeme::Symbol(symbol) if symbol.starts_with('<') && symbol != "<>" => depth += 1,
                Lexeme::Symbol(symbol) if symbol.starts_with('>') => {
                    depth = depth.saturating_sub(symbol.len())
                }
                Lexeme::End => return self.refuse("`>`"),
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
        Ok(())
    }
}
