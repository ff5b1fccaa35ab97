// The sink command alone, so that its tests do not wait for the rest of the command line.
#include "cli/sink_command.hpp"

int main(int argc, char** argv) {
    CLI::App app("postrider");
    app.require_subcommand(1);
    int code = 0;
    postrider::cli::add_sink_command(app, [&code](int chosen) { code = chosen; });
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 64;
    }
    return code;
}
