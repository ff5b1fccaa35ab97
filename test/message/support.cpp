#include "support.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>

namespace postrider::test {

std::string octets_of(const content& what) {
    std::string all;
    content::reader reader = what.read();
    for (;;) {
        const auto chunk = reader.next();
        EXPECT_TRUE(chunk.has_value());
        if (!chunk || chunk->empty()) {
            return all;
        }
        all.append(chunk->data(), chunk->size());
    }
}

temporary_folder::temporary_folder() {
    std::string name = std::filesystem::temp_directory_path() / "postrider-test-XXXXXX";
    path_ = ::mkdtemp(name.data());
}

temporary_folder::~temporary_folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

std::string temporary_folder::file(const std::string& name, std::string_view octets) const {
    const std::string where = path_ + "/" + name;
    std::ofstream out(where, std::ios::binary);
    out.write(octets.data(), static_cast<std::streamsize>(octets.size()));
    EXPECT_TRUE(out.good());
    return where;
}

std::vector<nlohmann::json> parse_with_python(const std::vector<std::string>& messages) {
    const temporary_folder folder;
    std::string input;
    for (const std::string& message : messages) {
        input += std::to_string(message.size()) + "\n" + message;
    }
    const std::string command = std::string(POSTRIDER_PYTHON) + " " + POSTRIDER_PARSE_MESSAGE + " < " +
                                folder.file("messages", input);
    const std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen(command.c_str(), "r"), ::pclose);
    std::string output;
    std::array<char, 65536> block{};
    for (std::size_t n = 0; (n = std::fread(block.data(), 1, block.size(), pipe.get())) != 0;) {
        output.append(block.data(), n);
    }
    std::vector<nlohmann::json> parsed;
    for (std::size_t at = 0; at < output.size();) {
        const std::size_t end = output.find('\n', at);
        parsed.push_back(nlohmann::json::parse(output.substr(at, end - at)));
        at = end + 1;
    }
    EXPECT_EQ(parsed.size(), messages.size());
    parsed.resize(messages.size());
    return parsed;
}

nlohmann::json parse_with_python(const std::string& message) {
    return parse_with_python(std::vector<std::string>{message}).front();
}

draft small_draft() {
    draft d;
    d.from = {{"", "a@example.org"}};
    d.to = {{"", "b@example.net"}};
    d.subject = "Hello";
    d.text = "One line.\r\n";
    return d;
}

std::string decode_base64(const std::string& text) {
    constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    unsigned bits = 0;
    int have = 0;
    for (const char c : text) {
        const auto value = alphabet.find(c);
        if (value == std::string_view::npos) {
            continue;
        }
        bits = bits << 6U | static_cast<unsigned>(value);
        have += 6;
        if (have >= 8) {
            have -= 8;
            out += static_cast<char>(bits >> have & 0xFFU);
        }
    }
    return out;
}

} // namespace postrider::test
