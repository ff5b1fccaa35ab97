// sink_command.hpp - `postrider sink`: a local mail server for trying things out and for tests.
#pragma once

#include <CLI/CLI.hpp>

#include <functional>

namespace postrider::cli {

/// Registers the subcommand. When it is the one chosen, it runs during parsing and hands its exit code to
/// `set_exit`: 0 stopped by a signal or by --count, 64 usage, 69 the address cannot be listened on, 74 the
/// output cannot be written, 78 certificate or maildir cannot be used.
CLI::App* add_sink_command(CLI::App& app, std::function<void(int)> set_exit);

} // namespace postrider::cli
