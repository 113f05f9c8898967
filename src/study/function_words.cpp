// SPDX-License-Identifier: MIT
#include "study/function_words.h"

#include <algorithm>
#include <iterator>

namespace tepui {

namespace {

// Ascending.
constexpr std::string_view kWords[] = {
    "a",          "about",     "above",      "across",     "after",     "against",    "all",
    "along",      "although",  "am",         "amid",       "among",     "an",         "and",
    "another",    "any",       "anybody",    "anyone",     "anything",  "are",        "around",
    "as",         "at",        "be",         "because",    "been",      "before",     "behind",
    "being",      "below",     "beneath",    "beside",     "besides",   "between",    "beyond",
    "both",       "but",       "by",         "can",        "could",     "despite",    "did",
    "do",         "does",      "doing",      "down",       "during",    "each",       "either",
    "every",      "everybody", "everyone",   "everything", "except",    "few",        "for",
    "from",       "had",       "has",        "have",       "having",    "he",         "her",
    "hers",       "herself",   "him",        "himself",    "his",       "how",        "however",
    "i",          "if",        "in",         "inside",     "into",      "is",         "it",
    "its",        "itself",    "less",       "many",       "may",       "me",         "might",
    "mine",       "more",      "most",       "much",       "must",      "my",         "myself",
    "near",       "neither",   "no",         "nobody",     "none",      "nor",        "not",
    "nothing",    "of",        "off",        "on",         "onto",      "or",         "other",
    "others",     "ought",     "our",        "ours",       "ourselves", "out",        "outside",
    "over",       "per",       "shall",      "she",        "should",    "since",      "so",
    "some",       "somebody",  "someone",    "something",  "such",      "than",       "that",
    "the",        "thee",      "their",      "theirs",     "them",      "themselves", "then",
    "there",      "these",     "they",       "thine",      "this",      "those",      "thou",
    "though",     "through",   "throughout", "thy",        "till",      "to",         "too",
    "toward",     "towards",   "under",      "unless",     "until",     "up",         "upon",
    "us",         "very",      "was",        "we",         "were",      "what",       "whatever",
    "when",       "where",     "whether",    "which",      "while",     "who",        "whoever",
    "whom",       "whose",     "why",        "will",       "with",      "within",     "without",
    "would",      "ye",        "yet",        "you",        "your",      "yours",      "yourself",
    "yourselves",
};

}  // namespace

bool is_function_word(std::string_view word) {
  static_assert(std::is_sorted(std::begin(kWords), std::end(kWords)));
  return std::binary_search(std::begin(kWords), std::end(kWords), word);
}

}  // namespace tepui
