// Against GLib's base64: every size around a line, every alignment, every cut.
#include "base64_lines.hpp"

#include <gtest/gtest.h>

#include <glib.h>
#include <random>

namespace postrider {
namespace {

std::string encoded_by_glib(const std::string& octets) {
    gchar* const text = g_base64_encode(reinterpret_cast<const guchar*>(octets.data()), octets.size());
    const std::string all = text;
    g_free(text);
    std::string lines;
    for (std::size_t i = 0; i < all.size(); i += 76) {
        lines.append(all, i, 76).append("\r\n");
    }
    return lines;
}

std::string some_octets(std::size_t size) {
    std::mt19937 random(static_cast<unsigned>(size));
    std::string octets;
    for (std::size_t i = 0; i < size; ++i) {
        octets += static_cast<char>(random());
    }
    return octets;
}

TEST(base64_lines, sizes_around_lines) {
    for (std::size_t size = 0; size < 400; ++size) {
        const std::string octets = some_octets(size);
        base64_lines encoder;
        std::string out;
        out += encoder.feed(octets);
        out += encoder.finish();
        ASSERT_EQ(out, encoded_by_glib(octets)) << size;
    }
}

TEST(base64_lines, does_not_depend_on_the_cuts) {
    const std::string octets = some_octets(1000);
    const std::string expected = encoded_by_glib(octets);
    for (std::size_t piece = 1; piece < 200; ++piece) {
        base64_lines encoder;
        std::string out;
        for (std::size_t i = 0; i < octets.size(); i += piece) {
            out += encoder.feed(std::string_view(octets).substr(i, piece));
        }
        out += encoder.finish();
        ASSERT_EQ(out, expected) << piece;
    }
}

// Each way that this machine can go; feed() takes only the fastest.
TEST(base64_lines, every_way_gives_the_same) {
    constexpr std::size_t lines = 90;
    const std::string octets = some_octets(lines * 57);
    const std::string expected = encoded_by_glib(octets);
    const auto expect_same = [&](auto encode) {
        std::string out(expected.size() + 1, '#');
        const std::size_t done = encode(octets.data(), lines, out.data());
        EXPECT_GE(done, lines - 1);
        EXPECT_EQ(out.substr(0, done * 78), expected.substr(0, done * 78));
        EXPECT_EQ(out.back(), '#'); // nothing was written behind the last line
    };
    expect_same(base64_lines::by_table);
    if (base64_lines::has_avx2()) {
        expect_same(base64_lines::by_avx2);
    }
    if (base64_lines::has_vbmi()) {
        expect_same(base64_lines::by_vbmi);
    }
}

TEST(base64_lines, knows_every_group) {
    std::string octets;
    for (unsigned i = 0; i < 4096; ++i) { // every value of a character, beside every other
        octets += static_cast<char>(i >> 4U);
        octets += static_cast<char>((i << 4U) | (i >> 8U));
        octets += static_cast<char>(i);
    }
    base64_lines encoder;
    std::string out = "before";
    out += encoder.feed(octets);
    out += encoder.finish();
    EXPECT_EQ(out, "before" + encoded_by_glib(octets));
    out.clear();
    out += encoder.feed("M"); // as new
    out += encoder.finish();
    EXPECT_EQ(out, "TQ==\r\n");
}

} // namespace
} // namespace postrider
