#include "agent/model/yaml.h"

#include <gtest/gtest.h>

#include <string>

namespace fairlead::model {
namespace {

TEST(Yaml, KeepsOrderQuotesAndLines) {
  const YamlText text = parse_yaml("a: 1\nb: \"2\"\nc:\n- x\n- {y: z}\nd: ~\ne: \"~\"\nf: |\n  block\n");
  ASSERT_TRUE(text.problems.empty());
  ASSERT_EQ(text.documents.size(), 1u);
  const YamlNode& root = text.documents[0];
  EXPECT_FALSE(root.find("a")->quoted);
  EXPECT_TRUE(root.find("b")->quoted);
  EXPECT_EQ(root.find("b")->text, "2");
  EXPECT_EQ(root.find("c")->line, 3);
  EXPECT_EQ(root.find("c")->children[1].find("y")->line, 5);
  EXPECT_TRUE(root.find("d")->is_null());
  EXPECT_FALSE(root.find("e")->is_null());
  EXPECT_EQ(root.find("f")->text, "block\n");
  EXPECT_EQ(root.find("c")->children[0].parent, root.find("c"));
}

TEST(Yaml, LinesCountFromTheStartOfTheTextInEveryDocument) {
  const YamlText text = parse_yaml("# head\na: 1\n---\n# comment\nb:\n  c: 2\n--- {d: 3}\n");
  ASSERT_EQ(text.documents.size(), 3u);
  EXPECT_EQ(text.documents[0].find("a")->line, 2);
  EXPECT_EQ(text.documents[1].find("b")->children[0].line, 6);
  EXPECT_EQ(text.documents[2].find("d")->line, 7);
}

TEST(Yaml, ReadsJson) {
  const YamlText text = parse_yaml("{\n\t\"a\": {\"b\": [1, \"x\\/y\", \"\\u00e9\", true, null]}\n}\n");
  ASSERT_TRUE(text.problems.empty()) << text.problems[0].text;
  const YamlNode* list = text.documents[0].find("a")->find("b");
  EXPECT_EQ(list->children[1].text, "x/y");
  EXPECT_EQ(list->children[2].text, "\u00e9");
  EXPECT_TRUE(list->children[4].is_null());
}

TEST(Yaml, LeavesEmptyDocumentsOut) {
  const YamlText text = parse_yaml("---\n# nothing\n---\n\n---\na: 1\n---\n...\n");
  EXPECT_TRUE(text.problems.empty());
  EXPECT_EQ(text.documents.size(), 1u);
  EXPECT_TRUE(parse_yaml("").documents.empty());
}

TEST(Yaml, ASyntaxErrorCostsOnlyItsOwnDocument) {
  const YamlText text = parse_yaml("a: 1\n---\nb: [1,\nc: 2\n---\nd: 3\n");
  ASSERT_EQ(text.documents.size(), 2u);
  EXPECT_NE(text.documents[1].find("d"), nullptr);
  ASSERT_EQ(text.problems.size(), 1u);
  EXPECT_GE(text.problems[0].line, 3);
  EXPECT_LE(text.problems[0].line, 5);
}

TEST(Yaml, CutsNoBlockScalarAtADashedLineThatIsIndented) {
  const YamlText text = parse_yaml("a: |\n  ---\n  x\n---x: 1\n");
  EXPECT_EQ(text.documents.size() + text.problems.size(), 1u);
}

TEST(Yaml, RepeatsAnchorsAndMergesMaps) {
  const YamlText text = parse_yaml("a: &x {k: v, l: w}\nb: *x\nc: {<<: *x, k: own}\n");
  ASSERT_TRUE(text.problems.empty());
  const YamlNode& root = text.documents[0];
  EXPECT_EQ(root.find("b")->find("k")->text, "v");
  EXPECT_EQ(root.find("c")->find("k")->text, "own");
  EXPECT_EQ(root.find("c")->find("l")->text, "w");
  EXPECT_EQ(root.find("c")->children.size(), 2u);
}

TEST(Yaml, RefusesAliasBombs) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string one = std::to_string(i);
    const std::string before = "*a" + std::to_string(i - 1);
    bomb += "a" + one + ": &a" + one + " [" + before;
    for (int n = 0; n < 8; ++n) {
      bomb += ", " + before;
    }
    bomb += "]\n";
  }
  const YamlText text = parse_yaml(bomb);
  EXPECT_TRUE(text.documents.empty());
  ASSERT_EQ(text.problems.size(), 1u);
  EXPECT_NE(text.problems[0].text.find("aliases"), std::string::npos);
}

TEST(Yaml, RefusesAnAliasInsideItself) {
  const YamlText text = parse_yaml("a: &a [*a]\n");
  EXPECT_TRUE(text.documents.empty());
  EXPECT_EQ(text.problems.size(), 1u);
}

TEST(Yaml, RefusesDeepNesting) {
  for (const size_t depth : {kMaxYamlDepth + 1, size_t{400}, size_t{100'000}}) {
    const YamlText text = parse_yaml(std::string(depth, '[') + std::string(depth, ']'));
    EXPECT_TRUE(text.documents.empty()) << depth;
    EXPECT_EQ(text.problems.size(), 1u) << depth;
  }
  const YamlText text = parse_yaml(std::string(kMaxYamlDepth, '[') + std::string(kMaxYamlDepth, ']'));
  EXPECT_EQ(text.documents.size(), 1u);
}

// yaml-cpp takes 0x04 for the end of its input: what stands behind it would be lost.
TEST(Yaml, RefusesControlBytesAndBrokenUtf8) {
  for (const std::string_view bad :
       {std::string_view("a: x\nb: \x04y\n"), std::string_view("a: x\nb: \0\n", 9), std::string_view("a: x\nb: \xff\n"),
        std::string_view("a: x\nb: \xc0\xaf\n"), std::string_view("a: x\nb: \xed\xa0\x80\n")}) {
    const YamlText text = parse_yaml(bad);
    EXPECT_TRUE(text.documents.empty());
    ASSERT_EQ(text.problems.size(), 1u);
    EXPECT_EQ(text.problems[0].line, 2);
  }
}

TEST(Yaml, RefusesForeignTagsAndNamesThatAreNotText) {
  EXPECT_EQ(parse_yaml("a: !vault x\n").problems.size(), 1u);
  EXPECT_EQ(parse_yaml("? [a, b]\n: c\n").problems.size(), 1u);
  EXPECT_EQ(parse_yaml("a: !!str 5\n").problems.size(), 0u);
}

}  // namespace
}  // namespace fairlead::model
