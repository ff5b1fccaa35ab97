// The arguments both examples take, and what they show.
#pragma once

#include "postrider/client.hpp"

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct arguments {
    postrider::client_options options;
    std::string from;
    std::vector<std::string> to;
};

/// From `HOST PORT CA_FILE USER FROM TO...` and PASSWORD in the environment; says what is wrong otherwise.
inline std::optional<arguments> arguments_of(int argc, char** argv) {
    const std::vector<std::string> words(argv + 1, argv + argc);
    const char* const password = std::getenv("PASSWORD");
    if (words.size() < 6 || password == nullptr) {
        std::fprintf(stderr, "usage: PASSWORD=... %s HOST PORT CA_FILE USER FROM TO...\n", argv[0]);
        return std::nullopt;
    }
    arguments a;
    const std::string& port = words[1];
    const char* const end = port.data() + port.size();
    if (const auto [rest, error] = std::from_chars(port.data(), end, a.options.server.port);
        error != std::errc{} || rest != end) {
        std::fprintf(stderr, "%s is no port number\n", port.c_str());
        return std::nullopt;
    }
    a.options.server.host = words[0]; // STARTTLS is insisted on, and the certificate must be for this name
    a.options.tls.ca_file = words[2];
    a.options.credentials.emplace();
    a.options.credentials->user = words[3];
    a.options.credentials->password = postrider::secret(password);
    a.from = words[4];
    a.to.assign(words.begin() + 5, words.end());
    return a;
}

/// What the server and the system say is foreign: only plain ASCII goes to the terminal as it is.
inline std::string printable(std::string_view text) {
    std::string shown;
    for (const char c : text) {
        shown += c >= ' ' && c <= '~' ? c : '?';
    }
    return shown;
}

inline void show(const postrider::send_result& result) {
    for (const postrider::recipient_outcome& one : result.recipients) {
        std::printf("%s: %s %u %s\n", one.address.c_str(), name(one.outcome).data(), one.code,
                    printable(one.text).c_str());
    }
    if (!result.ok()) {
        std::fprintf(stderr, "at %s: %s %s\n", name(result.at).data(), message(result.error).data(),
                     printable(result.detail).c_str());
    }
}
