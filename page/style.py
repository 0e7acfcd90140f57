"""How the page looks: no font or script of it comes from elsewhere."""

from pathlib import Path

import gradio as gr

FONT = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"]
MONOSPACED = ["ui-monospace", "SFMono-Regular", "Menlo", "monospace"]

THEME = gr.themes.Soft(
    primary_hue="orange", secondary_hue="amber", neutral_hue="stone", font=FONT,
    font_mono=MONOSPACED, radius_size="lg",
)  # fmt: skip

SCRIPT = f"<script>{Path(__file__).with_name('live.js').read_text()}</script>"

CSS = """
.gradio-container { max-width: 1200px !important; margin: 0 auto !important; }
#title h1 { font-size: 1.9rem; margin-bottom: 0; }
#title p { color: var(--body-text-color-subdued); }
.step h2 { font-size: 1.15rem; }
.words { min-height: 5.5em; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(110px, 1fr)); gap: 10px;
         max-height: 330px; overflow-y: auto; }
.cards figure { margin: 0; }
.cards img { width: 100%; aspect-ratio: 1; object-fit: cover; border-radius: var(--radius-lg); }
.cards figcaption { font-size: 0.72rem; line-height: 1.25; overflow-wrap: anywhere; }
.live { display: flex; gap: 12px; }
.live figure { flex: 1; margin: 0; }
.live video, .live canvas { width: 100%; aspect-ratio: 1; object-fit: cover; background: #1c1917;
                            border-radius: var(--radius-lg); transform: scaleX(-1); }
.live figcaption, #live-words { font-size: 0.85rem; color: var(--body-text-color-subdued); }
"""
