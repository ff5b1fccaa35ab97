// run_guarded.hpp - what `send` and `check` do alike around their work: printing, and failing in words.
#pragma once

#include "postrider/client.hpp"

#include <functional>
#include <string_view>

namespace postrider::cli {

/// Runs a subcommand and returns its exit code; what it throws is reported, in JSON as well when asked for.
int run_guarded(std::string_view command, bool json, const std::function<int()>& work);

/// To standard output. Throws command_error when that cannot be written: a result that nobody saw is none.
void print(std::string_view text);

/// To standard error: `->` `<-`, within TLS `~>` `<~`; `of_several`: with the connection in front, `[2] ->`.
void print_transcript_line(const transcript_line& line, bool of_several = false);

} // namespace postrider::cli
