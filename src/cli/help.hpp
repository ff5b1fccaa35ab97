// help.hpp - help pages that fit a terminal.
#pragma once

#include <CLI/CLI.hpp>

#include <memory>

namespace postrider::cli {

/// CLI11's pages with descriptions wrapped beside the options instead of running off the line.
std::shared_ptr<CLI::FormatterBase> make_help_formatter();

} // namespace postrider::cli
