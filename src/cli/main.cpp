// postrider - the command: send, check, sink.
#include "check_command.hpp"
#include "error.hpp"
#include "help.hpp"
#include "options.hpp"
#include "send_command.hpp"
#include "show.hpp"
#include "sink_command.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <string>
#include <vector>

namespace {

using namespace postrider::cli;

// Arguments that nobody expected may be anything, a password too: only what looks like an option is named.
std::string unexpected(const CLI::App& app) {
    std::string names;
    for (const auto& argument : app.remaining(true)) {
        if (argument.starts_with('-') && argument.size() > 1) {
            names.append(names.empty() ? "" : ", ").append(argument.substr(0, argument.find('=')));
        }
    }
    return names.empty() ? "an argument belongs to no option" : "unknown option: " + names;
}

int complain(const CLI::App& app, const std::string& what) {
    std::string command = "postrider";
    for (const auto* chosen : app.get_subcommands()) {
        command += " " + chosen->get_name();
    }
    fmt::print(stderr, "postrider: {}\n  next:    {} --help lists the options\n", printable(what), command);
    return exit_code::usage;
}

int show_help(CLI::App& app, const std::string& topic) {
    const CLI::App* about = topic.empty() ? &app : subcommand_named(app, topic);
    if (about == nullptr) {
        return complain(app, fmt::format("there is no command \"{}\"", topic));
    }
    const std::string prefix = topic.empty() ? "postrider" : "postrider " + topic;
    std::fputs(app.get_formatter()->make_help(about, prefix, CLI::AppFormatMode::Normal).c_str(), stdout);
    return 0;
}

int run(std::vector<std::string> arguments) {
    CLI::App app("Sends mail by SMTP and LMTP, and says what became of it.", "postrider");
    int code = 0;
    const auto set_exit = [&code](int chosen) { code = chosen; };
    app.formatter(std::static_pointer_cast<CLI::Formatter>(make_help_formatter()));
    app.set_version_flag("--version", "postrider " POSTRIDER_VERSION);
    app.require_subcommand(0, 1);
    app.footer("postrider COMMAND --help describes a command; postrider(1) is the manual.");
    add_send_command(app, set_exit);
    add_check_command(app, set_exit);
    add_sink_command(app, set_exit);
    std::string topic;
    CLI::App* help = app.add_subcommand("help", "Describe a command");
    help->add_option("command", topic, "send, check or sink");
    help->callback([&] { set_exit(show_help(app, topic)); });

    arguments = split_empty_values(app, std::move(arguments));
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend()); // CLI11 takes them from the back
    try {
        app.parse(std::move(reversed));
    } catch (const CLI::ExtrasError&) {
        return complain(app, unexpected(app));
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() == 0) {
            app.exit(error, std::cout, std::cerr);
            return std::fflush(stdout) == 0 ? 0 : exit_code::output;
        }
        return complain(app, error.what());
    } catch (const command_error& error) {
        return complain(app, error.what());
    }
    if (app.get_subcommands().empty()) {
        std::fputs(app.help().c_str(), stderr);
        return exit_code::usage;
    }
    return code;
}

} // namespace

int main(int argc, char** argv) {
    try {
        return run({argv + (argc > 0 ? 1 : 0), argv + argc});
    } catch (const std::exception& error) {
        std::fprintf(stderr, "postrider: %s\n", error.what());
        return exit_code::internal;
    }
}
