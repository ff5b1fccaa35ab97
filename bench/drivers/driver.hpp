// driver.hpp - what every driver written in C++ has in common: its arguments, its clock and its JSON line.
//
//     NAME_send HOST PORT COUNT FILE MODE [KEY=VALUE...]
//
// sends COUNT times the message in FILE, in one of these ways:
//     keep       over one connection
//     reconnect  over a new connection each
//     many       over sessions=N connections at once
// Keys: sessions=N, tls=none|starttls|implicit, ca=FILE (of the server's CA), and those of single drivers.
// The clock runs from before the first connection until the last message was accepted. Exit code 3: this
// client cannot do that.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/resource.h>

namespace bench {

struct task {
    std::string host;
    std::uint16_t port = 0;
    std::size_t count = 0;
    std::string file;
    std::string mode;
    std::map<std::string, std::string> more;

    task(int argc, char** argv) {
        if (argc < 6) {
            throw std::invalid_argument("usage: HOST PORT COUNT FILE MODE [KEY=VALUE...]");
        }
        host = argv[1];
        port = static_cast<std::uint16_t>(std::stoul(argv[2]));
        count = std::stoul(argv[3]);
        file = argv[4];
        mode = argv[5];
        for (int i = 6; i < argc; ++i) {
            const std::string_view pair = argv[i];
            const std::size_t sign = pair.find('=');
            more[std::string(pair.substr(0, sign))] =
                sign == std::string_view::npos ? "" : std::string(pair.substr(sign + 1));
        }
    }

    std::string key(const std::string& name, const std::string& otherwise = {}) const {
        const auto found = more.find(name);
        return found == more.end() ? otherwise : found->second;
    }
    std::size_t number(const std::string& name, std::size_t otherwise) const {
        const auto found = more.find(name);
        return found == more.end() ? otherwise : std::stoul(found->second);
    }
    std::string tls() const { return key("tls", "none"); }
    std::string text() const {
        std::ifstream in(file, std::ios::binary);
        if (!in) {
            throw std::runtime_error("cannot read " + file);
        }
        return {std::istreambuf_iterator<char>(in), {}};
    }
};

/// The client has no means for what was asked.
[[noreturn]] inline void cannot(const char* why) {
    std::fprintf(stderr, "%s\n", why);
    std::exit(3);
}

class stopwatch {
  public:
    stopwatch() : before_(used()), began_(std::chrono::steady_clock::now()) {}

    void stop() {
        wall_ = std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count();
        after_ = used();
    }
    /// `more`: further members of the JSON object, each with a comma in front.
    void print(std::size_t messages, const std::string& more = {}) const {
        std::printf("{\"messages\":%zu,\"wall\":%.6f,\"user\":%.6f,\"sys\":%.6f,\"rss_kb\":%ld%s}\n",
                    messages, wall_, seconds(after_.ru_utime) - seconds(before_.ru_utime),
                    seconds(after_.ru_stime) - seconds(before_.ru_stime), peak_kb(), more.c_str());
    }

  private:
    static rusage used() {
        rusage u{};
        getrusage(RUSAGE_SELF, &u);
        return u;
    }
    static double seconds(const timeval& t) {
        return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    }
    // Not ru_maxrss: that one remembers the process this one was before exec. Read by the C library, because
    // the other one would take memory of its own for it.
    static long peak_kb() {
        std::FILE* const status = std::fopen("/proc/self/status", "re");
        char line[256];
        long peak = 0;
        while (status != nullptr && std::fgets(line, sizeof line, status) != nullptr) {
            if (std::string_view(line).starts_with("VmHWM:")) {
                peak = std::strtol(line + 6, nullptr, 10);
            }
        }
        if (status != nullptr) {
            std::fclose(status);
        }
        return peak;
    }

    rusage before_;
    std::chrono::steady_clock::time_point began_;
    double wall_ = 0;
    rusage after_{};
};

inline constexpr const char* from = "alice@example.org";
inline constexpr const char* to = "bob@example.net";

/// main() of a driver.
template <class Run>
int drive(int argc, char** argv, Run run) {
    try {
        run(task(argc, argv));
        return 0;
    } catch (const std::exception& e) {
        std::fprintf(stderr, "%s: %s\n", argv[0], e.what());
        return 1;
    }
}

} // namespace bench
