import { alone, epochSlider } from "../views/controls/alone";
import { mountTilt } from "../views/tilt";
import { widget } from "./host";

export default widget(alone(mountTilt, epochSlider));
